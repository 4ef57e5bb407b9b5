/** What a script's setup() hands on: nothing, where k6 was interrupted before it was done. */
export interface HandedOn<T> {
  value?: T;
}

/**
 * k6's setup() of `work`. It returns an object that is filled when the work is done, and no promise: k6 2.2.0 waits for
 * either, and interrupted while it waits for a promise it panics (exit code 109 and a stack trace, not 105).
 * A failure of the work ends k6 as that of an async setup() does.
 */
export function setupOf<T>(work: () => Promise<T>): () => HandedOn<T> {
  return () => {
    const handedOn: HandedOn<T> = {};
    void work().then((value) => {
      handedOn.value = value;
    });
    return handedOn;
  };
}
