import * as v from "valibot";

/** What became of the plans of a run: how many were deleted, and what is left of them, in words. */
export const deletedSchema = v.object({ deleted: v.number(), left: v.array(v.string()) });
export type Deleted = v.InferOutput<typeof deletedSchema>;
