/** What a target's measure finds. `value` is undefined where there was nothing to see. */
export interface Measure {
  value: number | undefined;
  observations: number;
  interval?: [number, number] | undefined;
  /** Why it cannot be measured here: neither met nor missed. */
  notMeasured?: string | undefined;
  /** Why what was seen cannot be trusted. */
  noData?: string | undefined;
  /** What a reader should know beside the value: how many of how many, which part is the worst. */
  note?: string;
}
