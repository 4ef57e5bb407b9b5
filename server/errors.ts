/** A refusal that the API answers with: the status, and `{"detail": detail}` as the body. */
export class ApiError extends Error {
  readonly statusCode: number;
  readonly detail: unknown;

  constructor(statusCode: number, detail: unknown) {
    super(`HTTP ${statusCode}`);
    this.statusCode = statusCode;
    this.detail = detail;
  }
}
