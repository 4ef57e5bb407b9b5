import { defineDeletion } from "../run/leftover.ts";
import { LOAD_TESTS } from "../scenarios/index.ts";

export const { options, setup, virtualUser, handleSummary } = defineDeletion(LOAD_TESTS);
