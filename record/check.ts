import * as v from "valibot";

/** Something that is looked at before a load. */
export const checkSchema = v.object({
  name: v.string(),
  isMet: v.boolean(),
  /** What was found; where it is not met, one sentence with what to do. */
  text: v.string(),
});
export type Check = v.InferOutput<typeof checkSchema>;
