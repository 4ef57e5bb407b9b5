import { defineExamination } from "../run/doctor.ts";
import { LOAD_TESTS } from "../scenarios/index.ts";

export const { options, setup, virtualUser, handleSummary } = defineExamination(LOAD_TESTS);
