/** How far each stream of a plan has come, so that one can wait for another. */
export class Pace {
  readonly #places = new Set<{ passed: number }>();
  readonly #waiting = new Set<() => void>();

  /** Takes a place at the front, so that a newcomer does not hold up those before it. */
  join(): { advance(ahead: number): Promise<void>; leave(): void } {
    const place = { passed: Math.max(0, ...[...this.#places].map(({ passed }) => passed)) };
    this.#places.add(place);
    return {
      advance: async (ahead) => {
        while (place.passed - this.#slowest() >= ahead && this.#places.has(place)) {
          await new Promise<void>((resolve) => this.#waiting.add(resolve));
        }
        place.passed++;
        this.#wake();
      },
      leave: () => {
        this.#places.delete(place);
        this.#wake();
      },
    };
  }

  #slowest(): number {
    return Math.min(...[...this.#places].map(({ passed }) => passed));
  }

  #wake(): void {
    for (const resolve of this.#waiting) {
      this.#waiting.delete(resolve);
      resolve();
    }
  }
}
