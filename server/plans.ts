import { randomUUID } from "node:crypto";
import { isoNaive, type Micros, now } from "./clock.ts";
import type { EventLoop } from "./event-loop.ts";
import type { FaultSet } from "./faults.ts";
import { Feed, type Outcome } from "./feed.ts";
import {
  jobOf,
  lineOf,
  type PipelineFlaws,
  type PipelineJob,
  type PipelineListener,
  STAGES,
  type Stage,
  stagesDone,
  startPipeline,
  taskAt,
} from "./pipeline.ts";
import type { Pool } from "./pool.ts";

/** A plan as the API gives it. */
export interface PlanJson {
  readonly plan_id: string;
  readonly status: "pending" | "running" | "completed" | "failed" | "cancelled";
  /** Naive UTC with microseconds. */
  readonly created_at: string;
  readonly prompt: string;
  /** 0 to 100. */
  readonly progress_percentage: number;
  readonly progress_message: string;
  readonly error_message: string | null;
  readonly output_dir: string;
}

/** What is asked for when a plan is created. */
export interface PlanRequest {
  readonly prompt: string;
  /** Without a model the plan fails at once. */
  readonly model: string | null;
}

/** A file that a plan's pipeline has left. */
export interface PlanFile {
  readonly stage: Stage;
  readonly createdAt: Micros;
}

/** The last file of a plan that completed, by its pipeline or by the fallback. */
export const REPORT: Stage = {
  stage: "report",
  task: "ReportTask",
  filename: "999-final-report.html",
  contentType: "text/html",
};

interface Ending {
  readonly status: PlanJson["status"];
  readonly message: string;
  readonly error: string | null;
}

const ENDINGS: Readonly<Record<Outcome, Ending>> = {
  completed: { status: "completed", message: "Plan generation completed successfully", error: null },
  fallback: { status: "completed", message: "Plan completed via fallback (minimal report)", error: null },
  failed: { status: "failed", message: "Plan generation failed", error: "The pipeline exited with an error" },
};
const NO_MODEL = "No llm_model was given: the pipeline process was not started";
const NO_CONNECTION = "Pipeline execution failed: no database connection came in time";

/** A plan, its simulated pipeline and what its streams are told. */
export class Plan {
  readonly id = `PlanExe_${randomUUID()}`;
  readonly prompt: string;
  readonly feed: Feed;
  /** The files there are by now, in the order in which they came. */
  readonly files: PlanFile[] = [];
  /** Fulfilled when its pipeline has ended, was stopped, or failed to start. */
  readonly over: Promise<void>;
  readonly #job: PipelineJob;
  /** status-lag: how long after its streams heard what has become of it the plan says so, ms. */
  readonly #lagMs: number | undefined;
  readonly #isEndless: boolean;
  readonly #createdAt = now();
  #status: PlanJson["status"] = "pending";
  #message = "Plan queued for processing";
  #error: string | null = null;
  #stopPipeline: (() => void) | undefined;
  #isOver = () => {};
  #isForgotten = false;

  constructor(prompt: string, defaults: PipelineJob, faults: FaultSet, loop: EventLoop) {
    this.prompt = prompt;
    this.#job = jobOf(prompt, defaults);
    this.#lagMs = faults.get("status-lag");
    this.#isEndless = faults.has("sse-endless-stream");
    this.feed = new Feed(faults, loop, (number) => lineOf(this.#job, number));
    this.over = new Promise((resolve) => {
      this.#isOver = resolve;
    });
  }

  get status(): PlanJson["status"] {
    return this.#status;
  }

  /** Whether it is pending or running. */
  get unfinished(): boolean {
    return this.#status === "pending" || this.#status === "running";
  }

  /** Whether it completed, by its pipeline or by the fallback. */
  get completed(): boolean {
    return this.#status === "completed";
  }

  /** 0 to 100; 100 only once it completed. */
  get progress(): number {
    if (this.completed) {
      return 100;
    }
    return Math.floor((99 * this.feed.count) / Math.max(this.#job.lines, 1));
  }

  /** What it is doing, for people. */
  get progressMessage(): string {
    return this.#status === "running" ? `Running ${taskAt(this.#job, this.feed.count)}` : this.#message;
  }

  /** Every log line so far, newline separated. */
  get log(): string {
    return Array.from({ length: this.feed.count }, (_, number) => lineOf(this.#job, number)).join("\n");
  }

  toJSON(): PlanJson {
    return {
      plan_id: this.id,
      status: this.#status,
      created_at: isoNaive(this.#createdAt),
      prompt: this.prompt,
      progress_percentage: this.progress,
      progress_message: this.progressMessage,
      error_message: this.#error,
      output_dir: `run/${this.id}`,
    };
  }

  /**
   * Starts the pipeline.
   * @param failure how the plan ends when the pipeline fails
   * @param flaws what is wrong with the pipeline's process
   * @param stamped called for each log message
   */
  start(failure: Outcome, flaws: PipelineFlaws, stamped: () => void): void {
    const listener: PipelineListener = {
      started: () => {
        this.#status = "running";
      },
      line: () => {
        this.feed.log();
        this.#keepFiles();
        stamped();
      },
      exited: (code) => this.#exited(this.#isForgotten ? "failed" : code === 0 ? "completed" : failure),
    };
    this.#stopPipeline = startPipeline(this.#job, listener, flaws);
  }

  /** Its thread has begun with it: it counts as running before its process does. */
  begin(): void {
    this.#status = "running";
  }

  /** Fails the plan without ever starting its pipeline. */
  failAtOnce(): void {
    this.#hushIfEndless();
    this.feed.finish("failed");
    this.#conclude("failed");
    this.#error = NO_MODEL;
  }

  /**
   * Its thread got no database connection and ends with nothing done.
   * @param isTold whether it got one at last to say so with; else the plan stays pending for ever
   */
  giveUp(isTold: boolean): void {
    this.#hushIfEndless();
    this.feed.dismiss();
    if (isTold) {
      this.#status = "failed";
      this.#error = NO_CONNECTION;
    }
    this.#isOver();
  }

  /** sse-delete-race: the pipeline runs on without a place for what it makes, and so it fails. */
  forget(): void {
    this.#isForgotten = true;
  }

  /** It was deleted: its streams are sent away, but SSE streams of one that has not begun may never hear of it. */
  deleted(): void {
    if (this.#status === "pending") {
      this.#hushIfEndless();
    }
    this.feed.delete();
  }

  #hushIfEndless(): void {
    if (this.#isEndless) {
      this.feed.hush();
    }
  }

  /** Stops the pipeline; its streams are told nothing. */
  stop(): void {
    this.#stopPipeline?.();
    this.#isOver();
  }

  /** Stops the pipeline and sends its streams away; the plan is completed by the fallback all the same. */
  cutShort(): void {
    this.#stopPipeline?.();
    this.feed.dismiss();
    this.feed.finish("fallback");
    this.#conclude("fallback");
  }

  #exited(outcome: Outcome): void {
    this.#keepFiles();
    this.feed.stdoutClosed();
    this.feed.finish(outcome);
    if (this.#lagMs === undefined) {
      this.#conclude(outcome);
    } else {
      setTimeout(() => this.#conclude(outcome), this.#lagMs).unref();
    }
  }

  #keepFiles(): void {
    const done = stagesDone(this.#job, this.feed.count);
    const fresh = STAGES.slice(this.files.length, done);
    this.files.push(...fresh.map((stage) => ({ stage, createdAt: now() })));
  }

  /** From now on the plan says what has become of it. */
  #conclude(outcome: Outcome): void {
    const { status, message, error } = ENDINGS[outcome];
    this.#status = status;
    this.#message = message;
    this.#error = error;
    if (this.completed) {
      this.files.push({ stage: REPORT, createdAt: now() });
    }
    this.feed.end(this.#stopPipeline !== undefined);
    this.#isOver();
  }
}

/** The most plans that a server holds. */
const MAX_PLANS = 5_000;

/** The plans of one server, none of them deleted. */
export class PlanStore {
  readonly #plans = new Map<string, Plan>();
  readonly #defaults: PipelineJob;
  readonly #faults: FaultSet;
  readonly #failure: Outcome;
  readonly #flaws: PipelineFlaws;
  readonly #pool: Pool | undefined;
  readonly #loop: EventLoop;
  /** Plans whose pipeline is not over; deleted ones too, where deletion does not stop it. */
  readonly #unfinished = new Set<Plan>();
  #stamped = 0;

  /**
   * @param defaults the pipeline of a prompt that does not say otherwise
   * @param failure how a plan ends whose pipeline fails
   * @param pool where each plan's thread takes its database connection
   */
  constructor(defaults: PipelineJob, faults: FaultSet, loop: EventLoop, failure: Outcome, pool?: Pool) {
    this.#pool = pool;
    this.#loop = loop;
    this.#defaults = defaults;
    this.#faults = faults;
    this.#failure = failure;
    this.#flaws = {
      diesAfterMs: faults.get("plan-death") ?? Number.POSITIVE_INFINITY,
      slowness: () => Math.max(1, this.unfinished) ** (faults.get("slowdown") ?? 0),
    };
  }

  /** How many plans are pending or running, deleted ones that run on too. */
  get unfinished(): number {
    return this.#unfinished.size;
  }

  /** Log messages stamped since the start, deleted plans' too. */
  get stamped(): number {
    return this.#stamped;
  }

  /** Creates a plan and starts its pipeline; nothing when there are 5,000 plans already. */
  create(request: PlanRequest): Plan | undefined {
    if (this.#plans.size >= MAX_PLANS) {
      return undefined;
    }
    const plan = new Plan(request.prompt, this.#defaults, this.#faults, this.#loop);
    this.#plans.set(plan.id, plan);
    this.#unfinished.add(plan);
    plan.over.then(() => this.#unfinished.delete(plan));
    if (this.#pool === undefined) {
      this.#start(plan, request);
    } else {
      void this.#startInThread(plan, request, this.#pool);
    }
    return plan;
  }

  /** A plan's thread waits for a connection without blocking anybody, and has it until the plan is over. */
  async #startInThread(plan: Plan, request: PlanRequest, pool: Pool): Promise<void> {
    const connection = await pool.inThread();
    if (connection === undefined) {
      return this.#giveUp(plan, pool);
    }
    if (this.#plans.has(plan.id)) {
      plan.begin();
      this.#start(plan, request);
    } else {
      plan.stop();
    }
    await plan.over;
    connection.release();
  }

  /** To say that it got no connection a thread needs one. */
  async #giveUp(plan: Plan, pool: Pool): Promise<void> {
    const connection = await pool.inThread();
    plan.giveUp(connection !== undefined);
    connection?.release();
  }

  #start(plan: Plan, { model }: PlanRequest): void {
    if (model) {
      plan.start(this.#failure, this.#flaws, () => this.#stamped++);
    } else {
      plan.failAtOnce();
    }
  }

  get(id: string): Plan | undefined {
    return this.#plans.get(id);
  }

  /** Every plan, oldest first. */
  all(): Plan[] {
    return [...this.#plans.values()];
  }

  /**
   * Stops a plan's pipeline, forgets the plan and tells its streams.
   * sse-delete-race: a pipeline that has begun runs on, and so do its SSE streams, to the failure that it ends with.
   */
  delete(plan: Plan): void {
    const runsOn = this.#faults.has("sse-delete-race") && plan.status === "running";
    this.#plans.delete(plan.id);
    plan.deleted();
    if (runsOn) {
      plan.forget();
    } else if (this.#pool === undefined || plan.status !== "pending") {
      plan.stop();
    }
  }

  /** Stops every pipeline. */
  stop(): void {
    for (const plan of this.#unfinished) {
      plan.stop();
    }
  }
}
