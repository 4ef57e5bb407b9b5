import type { FastifyInstance, FastifyReply } from "fastify";
import { type Context, noteConnections } from "./context.ts";
import { deletePlan } from "./deletion.ts";
import { artefactsOf, contentOf, fallbackReportOf, reportOf } from "./documents.ts";
import { ApiError } from "./errors.ts";
import { ALLOCATED } from "./garbage.ts";
import { addHazards } from "./hazards.ts";
import type { Plan, PlanJson, PlanRequest } from "./plans.ts";
import { parsePlanRequest } from "./requests.ts";
import { serveSse } from "./sse.ts";

const MODELS = [
  { id: "simulated-fast", label: "Simulated, fast", comment: "No model is called", priority: 1 },
  { id: "simulated-slow", label: "Simulated, slow", comment: "No model is called", priority: 2 },
].map((model) => ({ ...model, requires_api_key: false }));

interface PlanRoute {
  Params: { id: string };
}

/** Adds the routes of the plan API to the application, those that the behaviour's version has. */
export function addApi(app: FastifyInstance, context: Context): void {
  app.setNotFoundHandler(async (_, reply) => {
    await context.loop.free();
    return reply.code(404).send({ detail: "Not Found" });
  });
  app.setErrorHandler(sendError);
  // the body is taken as text whatever its type is said to be, and checked by the one route that has one
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("*", { parseAs: "string" }, (_, body, done) => done(null, body));

  addHazards(app, context);
  addServerRoutes(app, context);
  addPlanRoutes(app, context);
  addFileRoutes(app, context);
  if (context.behaviour.transports.includes("ws")) {
    addArtefactRoutes(app, context);
  }
  addStream(app, context);
}

function sendError(error: unknown, _: unknown, reply: FastifyReply): FastifyReply {
  if (error instanceof ApiError) {
    return reply.code(error.statusCode).send({ detail: error.detail });
  }
  const { statusCode = 500, message } = error as { statusCode?: number; message?: string };
  return reply.code(statusCode).send({ detail: statusCode < 500 ? message : "Internal Server Error" });
}

/** @throws ApiError 404 when there is no such plan */
function findPlan(context: Context, id: string): Plan {
  return found(context.plans.get(id), "Plan not found");
}

function found<T>(value: T | undefined, otherwise: string): T {
  if (value === undefined) {
    throw new ApiError(404, otherwise);
  }
  return value;
}

function addServerRoutes(app: FastifyInstance, { version, description, loop }: Context): void {
  app.get("/health", async () => {
    await loop.free();
    return {
      status: "healthy",
      version,
      available_models: MODELS.length,
      simulated: true,
      behaviour: description,
    };
  });
  app.get("/api/models", async () => {
    await loop.free();
    return MODELS;
  });
}

function addPlanRoutes(app: FastifyInstance, context: Context): void {
  const { database, faults, garbage, loop, plans } = context;
  app.post("/api/plans", async (request) => {
    await loop.free();
    const wanted = parsePlanRequest(String(request.body ?? ""));
    return database.query("create plan", () => createPlan(context, wanted));
  });
  app.get("/api/plans", () =>
    database.query("get plans", () => {
      if (faults.has("list-500")) {
        throw new ApiError(500, "Failed to get plans: 'queued' is not a valid PlanStatus");
      }
      return plans.all().reverse().slice(0, faults.get("list-newest"));
    }),
  );
  app.get<PlanRoute>("/api/plans/:id", (request) =>
    database.query("get plan", () => findPlan(context, request.params.id).toJSON()),
  );
  app.get<PlanRoute>("/api/plans/:id/stream-status", (request) =>
    database.query("get stream status", () => {
      const ready = findPlan(context, request.params.id).status !== "pending";
      return { status: ready ? "ready" : "not_ready", ready };
    }),
  );
  app.delete<PlanRoute>("/api/plans/:id", (request) =>
    database.query("delete plan", () => {
      const plan = findPlan(context, request.params.id);
      deletePlan(context, plan);
      garbage.allocate(ALLOCATED.deletion);
      return { message: `Plan ${plan.id} deleted successfully` };
    }),
  );
}

/** @throws ApiError 503 when there are as many plans as there can be */
function createPlan(context: Context, wanted: PlanRequest): PlanJson {
  const plan = context.plans.create(wanted);
  if (plan === undefined) {
    throw new ApiError(503, "This server holds as many plans as it can: delete some");
  }
  context.waste.planCreated(plan);
  context.garbage.allocate(ALLOCATED.plan);
  noteConnections(context);
  return plan.toJSON();
}

function addFileRoutes(app: FastifyInstance, context: Context): void {
  const { database } = context;
  app.get<PlanRoute>("/api/plans/:id/files", (request) =>
    database.query("get plan files", () => {
      const plan = findPlan(context, request.params.id);
      return { plan_id: plan.id, files: filenames(plan), has_report: plan.completed };
    }),
  );
  app.get<{ Params: { id: string; name: string } }>("/api/plans/:id/files/:name", (request, reply) =>
    database.query("download file", () => {
      const plan = findPlan(context, request.params.id);
      const named = plan.files.find(({ stage }) => stage.filename === request.params.name);
      const file = found(named, "File not found");
      reply.type(file.stage.contentType);
      return contentOf(plan, file);
    }),
  );
  app.get<PlanRoute>("/api/plans/:id/details", (request) =>
    database.query("get plan details", () => {
      const plan = findPlan(context, request.params.id);
      return {
        plan_id: plan.id,
        run_directory: plan.toJSON().output_dir,
        pipeline_stages: plan.files.map(({ stage }) => ({ stage: stage.stage, status: "completed" })),
        pipeline_log: plan.log,
        generated_files: filenames(plan),
        total_files: plan.files.length,
      };
    }),
  );
  app.get<PlanRoute>("/api/plans/:id/report", (request, reply) =>
    database.query("download report", () => {
      const plan = findPlan(context, request.params.id);
      const report = found(plan.completed ? reportOf(plan) : undefined, "Report not found");
      reply.type("text/html");
      return report;
    }),
  );
}

function filenames(plan: Plan): string[] {
  return plan.files.map(({ stage }) => stage.filename);
}

function addArtefactRoutes(app: FastifyInstance, context: Context): void {
  const { database, faults } = context;
  app.get<PlanRoute>("/api/plans/:id/artefacts", (request) =>
    database.query("list plan artefacts", () => {
      const plan = findPlan(context, request.params.id);
      return { plan_id: plan.id, artefacts: artefactsOf(plan) };
    }),
  );
  app.get<PlanRoute>("/api/plans/:id/fallback-report", (request) =>
    database.query("assemble fallback report", () => {
      const plan = findPlan(context, request.params.id);
      const report = faults.has("no-fallback-report")
        ? undefined
        : fallbackReportOf(plan, faults.get("ws-thin-report"));
      return found(report, "No plan content found for this plan");
    }),
  );
}

function addStream(app: FastifyInstance, context: Context): void {
  const offered = context.behaviour.transports.includes("sse");
  app.get<PlanRoute>("/api/plans/:id/stream", async (request, reply) => {
    if (!offered) {
      await context.loop.free();
      return reply.code(410).send(goneBody(request.params.id));
    }
    reply.hijack();
    return serveSse(context, request.params.id, reply.raw);
  });
}

/** What the WebSocket version says where the SSE stream was; its URL names a fixed host and port, as it does. */
function goneBody(id: string) {
  return {
    error: "SSE_ENDPOINT_REMOVED",
    message: "The SSE stream has been replaced by a WebSocket",
    websocket_url: `ws://localhost:8080/ws/plans/${id}/progress`,
  };
}
