/** What a simulated pipeline does. */
export interface PipelineJob {
  /** Log lines it writes, 0 to 1,000,000. */
  readonly lines: number;
  /** Lines a second, 0.01 to 20,000. */
  readonly rate: number;
  /** Exit code of its process, 0 to 255; 0 is success. */
  readonly exit: number;
}

/** The smallest and largest value of each part of a job. */
export const JOB_LIMITS: Readonly<Record<keyof PipelineJob, readonly [number, number]>> = {
  lines: [0, 1_000_000],
  rate: [0.01, 20_000],
  exit: [0, 255],
};

/** A step of the pipeline and the file that it leaves. */
export interface Stage {
  readonly stage: string;
  readonly task: string;
  readonly filename: string;
  readonly contentType: string;
}

const JSON_TYPE = "application/json";
const MARKDOWN_TYPE = "text/markdown";

/** The steps of every pipeline, in order. */
export const STAGES: readonly Stage[] = [
  stage("start_time", "StartTimeTask", "001-start_time.json", JSON_TYPE),
  stage("initial_plan", "SetupTask", "002-initial_plan.txt", "text/plain"),
  stage("identify_purpose", "IdentifyPurposeTask", "003-identify_purpose.md", MARKDOWN_TYPE),
  stage("make_assumptions", "MakeAssumptionsTask", "004-make_assumptions.md", MARKDOWN_TYPE),
  stage("pre_project_assessment", "PreProjectAssessmentTask", "005-pre_project_assessment.json", JSON_TYPE),
  stage("swot_analysis", "SWOTAnalysisTask", "006-swot_analysis.md", MARKDOWN_TYPE),
  stage("expert_review", "ExpertReviewTask", "007-expert_criticism.md", MARKDOWN_TYPE),
  stage("wbs_level1", "CreateWBSLevel1Task", "008-wbs_level1.json", JSON_TYPE),
  stage("wbs_level2", "CreateWBSLevel2Task", "009-wbs_level2.json", JSON_TYPE),
  stage("team", "FindTeamMembersTask", "010-team.md", MARKDOWN_TYPE),
  stage("schedule", "CreateScheduleTask", "011-schedule.json", JSON_TYPE),
  stage("executive_summary", "ExecutiveSummaryTask", "012-executive_summary.md", MARKDOWN_TYPE),
];

function stage(name: string, task: string, filename: string, contentType: string): Stage {
  return { stage: name, task, filename, contentType };
}

/** A pipeline that fails does so after this share of its stages. */
const FAILING_SHARE = 0.6;
/** Time between the start of a process and its first work. */
export const START_DELAY_MS = 50;
/** Shortest time between two looks at what is due; faster pipelines write several lines at a time. */
const TICK_MS = 5;
/** Longest time between two looks while the pipeline is slowed, so that it notices when it no longer is. */
const LOOK_MS = 50;

const DIRECTIVE = /\[stub((?:\s+(?:lines|rate|exit)=\d+(?:\.\d+)?)+)\s*\]/;

/**
 * The job that a prompt asks for with `[stub lines=200 rate=50 exit=1]`, any part of which may be left out.
 * Values beyond the limits of a job are brought to the nearest limit; a malformed directive is plain text.
 */
export function jobOf(prompt: string, defaults: PipelineJob): PipelineJob {
  const parts = DIRECTIVE.exec(prompt)?.[1]?.matchAll(/(lines|rate|exit)=(\S+)/g) ?? [];
  const asked = Object.fromEntries([...parts].map(([, name, value]) => [name, Number(value)]));
  const job = { ...defaults, ...asked };
  return { lines: limit("lines", job.lines), rate: limit("rate", job.rate), exit: limit("exit", job.exit) };
}

function limit(part: keyof PipelineJob, value: number): number {
  const [least, most] = JOB_LIMITS[part];
  const limited = Math.min(Math.max(value, least), most);
  return part === "rate" ? limited : Math.floor(limited);
}

/** How many stages are done when so many lines are written. */
export function stagesDone(job: PipelineJob, written: number): number {
  const share = job.lines === 0 ? 1 : written / job.lines;
  return Math.floor(STAGES.length * share * (job.exit === 0 ? 1 : FAILING_SHARE));
}

/** The task that runs when so many lines are written. */
export function taskAt(job: PipelineJob, written: number): string {
  return STAGES[Math.min(stagesDone(job, written), STAGES.length - 1)]?.task ?? "";
}

const WORKER = "Worker Worker(salt=6104823957, workers=1, host=planexe-backend, username=planexe, pid=4711)";

const LINE_FORMATS: readonly ((task: string, step: number) => string)[] = [
  (task, step) => `INFO: [pid 4711] ${WORKER} running   ${task}() step=${step}`,
  (task, step) =>
    `INFO: ${task} - LLMExecutor: attempt 1 of 2, structured output is requested, now waiting for the model to answer, step=${step}`,
  (task, step) =>
    `INFO: ${task} - LLMExecutor: the model's answer was accepted at the first attempt, was parsed and saved to its file, step=${step}`,
  (task, step) => `INFO: [pid 4711] ${WORKER} done      ${task}() step=${step}`,
];

/**
 * The log line of a number, counted from 0: always the same for the same job, and unlike every other line of
 * it, so nobody has to keep the text.
 */
export function lineOf(job: PipelineJob, number: number): string {
  const format = LINE_FORMATS[number % LINE_FORMATS.length];
  return format?.(taskAt(job, number), number + 1) ?? "";
}

/** What a pipeline tells while it runs. */
export interface PipelineListener {
  started(): void;
  /** A log line has been read. */
  line(): void;
  exited(code: number): void;
}

/** What is wrong with the processes of pipelines. */
export interface PipelineFlaws {
  /** plan-death: how long after its start a process dies without a word, ms. */
  readonly diesAfterMs: number;
  /** slowdown: what the rate of lines is divided by now, 1 or more. */
  slowness(): number;
}

const NO_FLAWS: PipelineFlaws = { diesAfterMs: Number.POSITIVE_INFINITY, slowness: () => 1 };

/**
 * Starts a simulated pipeline; line k (from 1) is due k/rate seconds after its process started.
 * @returns a function that stops it at once, after which it tells nothing more
 */
export function startPipeline(
  job: PipelineJob,
  listener: PipelineListener,
  { diesAfterMs, slowness }: PipelineFlaws = NO_FLAWS,
): () => void {
  let written = 0;
  let startedAt = 0;
  /** The last look at what was due: when, how slow the pipeline was then, and the full-speed ms it had done. */
  let last = { at: 0, slowness: 1, worked: 0 };
  let timer = setTimeout(begin, START_DELAY_MS);

  function begin(): void {
    startedAt = performance.now();
    last = { at: startedAt, slowness: slowness(), worked: 0 };
    listener.started();
    step();
  }

  function step(): void {
    const at = performance.now();
    const worked = last.worked + (at - last.at) / last.slowness;
    last = { at, slowness: slowness(), worked };
    if (at - startedAt < diesAfterMs) {
      write(Math.min(job.lines, Math.floor((worked * job.rate) / 1000)));
    }
  }

  function write(due: number): void {
    for (; written < due; written++) {
      listener.line();
    }
    if (written === job.lines) {
      listener.exited(job.exit);
      return;
    }
    const untilNext = (((written + 1) * 1000) / job.rate - last.worked) * last.slowness;
    const wait = last.slowness > 1 ? Math.min(untilNext, LOOK_MS) : untilNext;
    timer = setTimeout(step, Math.max(TICK_MS, wait));
  }

  return () => clearTimeout(timer);
}
