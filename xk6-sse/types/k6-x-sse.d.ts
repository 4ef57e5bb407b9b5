/** Server-sent events, as many streams per virtual user as wanted, all on k6's event loop. */
declare module "k6/x/sse" {
  import type { CookieJar } from "k6/http";

  /** A duration: milliseconds, or a k6 duration such as `"10s"` or `"1m30s"`. 0 means no limit. */
  export type Duration = number | string;

  /** Limits on waiting. None is set by default. All but `total` are those of every connection of a stream. */
  export interface Timeouts {
    /** From the attempt to connect to the head of the response. */
    connect?: Duration;
    /** From the head of the response to the first event. */
    firstEvent?: Duration;
    /** Without an event; also before the first one if `firstEvent` is not set. Comments are no events. */
    idle?: Duration;
    /** From the constructor to the end of the stream, with all its reconnections. */
    total?: Duration;
  }

  /** How a stream is opened again after the connection broke, a time-out passed, or the server ended the response. */
  export interface Reconnect {
    /** How often altogether. Default: 10. */
    maxAttempts?: number;
    /** The wait before an attempt, until the server sets another with a `retry` field. Default: 3 s. */
    delay?: Duration;
    /**
     * Multiplies the wait with every further attempt without an event in between: from 1, the default, which leaves
     * the wait as it is, to 1000.
     */
    backoff?: number;
    /** The longest wait that `backoff` makes; `delay` and the server may set a longer one. Default: no limit. */
    maxDelay?: Duration;
    /** The largest part of the wait, from 0, the default, to 1, that is added to it at random. */
    jitter?: number;
  }

  /** Any other key makes the constructor throw a `TypeError`. */
  export interface EventSourceParams {
    /** Default: GET. */
    method?: string;
    headers?: Record<string, string>;
    body?: string;
    /** Used in place of the virtual user's cookie jar. */
    jar?: CookieJar | null;
    /** How many redirects are followed. Default: k6's option `maxRedirects`. */
    redirects?: number;
    /**
     * Reconnection as the HTML Standard describes it, with the `Last-Event-ID` header: `true` for the defaults. A
     * status other than 200 (204 is how a server stops a client) or another content type ends the stream for good.
     * Default: false.
     */
    reconnect?: boolean | Reconnect;
    /** Tags of the stream's metrics. The tag `name` takes the place of `url`. */
    tags?: Record<string, string | number | boolean>;
    timeouts?: Timeouts;
    /**
     * An object of another Go module that takes events as they are read, before they wait for the script: those that it
     * takes are not given to the script.
     */
    sink?: object;
    /** The longest line of the stream that is accepted, in bytes. Default: 1 MiB. */
    maxLineBytes?: number;
    /** The longest data of an event that is accepted, in bytes. Default: 16 MiB. */
    maxEventBytes?: number;
  }

  /** The stream is open. */
  export interface OpenEvent {
    type: "open";
    /** Milliseconds since the epoch, with fractions, taken before the event waited for the script. */
    timestamp: number;
    /** The status of the response. */
    status: number;
  }

  /** An event of the server. It is read-only: setting a property throws a `TypeError`. */
  export interface MessageEvent {
    /** The event's name; `"message"` if the server gave none. */
    readonly type: string;
    readonly data: string;
    /** The last id that the server has set, with this event or before it; else empty. */
    readonly lastEventId: string;
    /** Scheme, host and port that the stream comes from, after redirects. */
    readonly origin: string;
    /**
     * Milliseconds since the epoch, with fractions: when the end of the event was read from the connection, before
     * the event waited for the script.
     */
    readonly timestamp: number;
  }

  /** What ended a stream. */
  export type ErrorKind =
    /** The server ended the response properly. */
    | "end"
    /** The status of the response was not 200; or, with the status 0, it redirects to no URL of http or https. */
    | "status"
    /** The response was not `text/event-stream`, or in a content encoding other than gzip. */
    | "content-type"
    /** The connection broke, the response was cut short, or a WebSocket's text was no UTF-8. */
    | "reset"
    /** One of the time-outs passed; the message says which. */
    | "timeout"
    /** No connection: DNS, dial, TLS. */
    | "connect"
    /** A line was longer than `maxLineBytes`, or an event than `maxEventBytes`. */
    | "too-long";

  /** The end of a stream, or of one of its connections. */
  export interface ErrorEvent {
    type: "error";
    kind: ErrorKind;
    message: string;
    /** The status of the response, or 0 if there was none. */
    status: number;
    /** The code of the close frame that ended a WebSocketSource; else 0. */
    code: number;
    /** The stream waits to be opened again, and `readyState` is `CONNECTING`. */
    reconnecting: boolean;
    /** Up to 64 KiB (WebSocketSource: 1 KiB) of the body of a response that opened no stream; else empty. */
    body: string;
    /** Milliseconds since the epoch, with fractions, taken before the event waited for the script. */
    timestamp: number;
  }

  /** As in the DOM. Any other key throws a `TypeError`; `capture` and `passive` are taken and mean nothing here. */
  export type ListenerOptions = boolean | null | { once?: boolean; capture?: boolean; passive?: boolean };

  /**
   * A stream of server-sent events. It reconnects only if `reconnect` says so. An iteration lasts until its streams have ended or are
   * closed. An exception in a handler closes the stream and fails the iteration.
   */
  export class EventSource {
    static readonly CONNECTING: 0;
    static readonly OPEN: 1;
    static readonly CLOSED: 2;
    readonly CONNECTING: 0;
    readonly OPEN: 1;
    readonly CLOSED: 2;

    /**
     * Starts to open the stream. Throws a `TypeError` on a URL that is not http(s) or on wrong params, and an error
     * in the init context.
     */
    constructor(url: string, params?: EventSourceParams | null);

    readonly url: string;
    readonly readyState: 0 | 1 | 2;

    /** Called when the stream is open, and again after every reconnection. */
    onopen: ((this: EventSource, event: OpenEvent) => void) | null;
    /** Called for events without a name. */
    onmessage: ((this: EventSource, event: MessageEvent) => void) | null;
    /**
     * Called when the stream ends without `close()`, which happens once: `readyState` is `CLOSED` by then. Before, it
     * is called with `reconnecting` for every end after which the stream is opened again. Not called for events that
     * the server has named "error".
     */
    onerror: ((this: EventSource, event: ErrorEvent) => void) | null;

    addEventListener(
      type: "open",
      listener: (this: EventSource, event: OpenEvent) => void,
      options?: ListenerOptions,
    ): void;
    /** Gets the end of the stream, which has a `kind`, and events that the server has named "error", which have not. */
    addEventListener(
      type: "error",
      listener: (this: EventSource, event: ErrorEvent | MessageEvent) => void,
      options?: ListenerOptions,
    ): void;
    /** Gets the events that the server has named `type`; those without a name are of type "message". */
    addEventListener(
      type: string,
      listener: (this: EventSource, event: MessageEvent) => void,
      options?: ListenerOptions,
    ): void;
    removeEventListener(type: string, listener: (...args: never[]) => void): void;

    /**
     * Stops reading from the connection after the event that is being read, until `resume()`: a slow reader, which the
     * server feels once the buffers in between are full. Up to 1024 events or about 1 MiB that were read before are
     * still delivered. The time-out `total` goes on, `firstEvent` and `idle` do not, and `close()` works as ever.
     */
    pause(): void;
    resume(): void;

    /** Ends the stream, at any time and any number of times. No handler is called afterwards. */
    close(): void;
  }

  /** What EventSource and WebSocketSource have in common. */
  export interface StreamSource {
    onerror: ((event: ErrorEvent) => void) | null;
    pause(): void;
    resume(): void;
    close(): void;
  }

  export interface WebSocketSourceParams {
    headers?: Record<string, string>;
    /** Tags of the stream's metrics. The tag `name` takes the place of `url`. */
    tags?: Record<string, string | number | boolean>;
    /** Only `connect`: from the constructor to the end of the handshake. */
    timeouts?: Pick<Timeouts, "connect">;
    sink?: object;
    /** The longest message that is accepted, in bytes. Default: 1 MiB. */
    maxMessageBytes?: number;
  }

  /**
   * The messages of a WebSocket, received as an EventSource receives events, so that the two are measured alike: what
   * is sent in binary frames is of type "binary", what is sent in text frames of type "message". It sends nothing.
   */
  export class WebSocketSource implements StreamSource {
    static readonly CONNECTING: 0;
    static readonly OPEN: 1;
    static readonly CLOSED: 2;
    readonly CONNECTING: 0;
    readonly OPEN: 1;
    readonly CLOSED: 2;

    /**
     * Starts the handshake. A user and a password in the URL are sent as Basic authentication. Throws a `TypeError` on a
     * URL that is not ws(s) or on wrong params.
     */
    constructor(url: string, params?: WebSocketSourceParams | null);

    readonly url: string;
    readonly readyState: 0 | 1 | 2;

    onopen: ((event: OpenEvent) => void) | null;
    onmessage: ((event: MessageEvent) => void) | null;
    /** Called once, when the stream ends without `close()`; its kind is "end" after any close frame of the server's. */
    onerror: ((event: ErrorEvent) => void) | null;

    addEventListener(type: string, listener: (event: MessageEvent) => void, options?: ListenerOptions): void;
    removeEventListener(type: string, listener: (...args: never[]) => void): void;

    /** Stops reading from the connection, until `resume()`: see EventSource. */
    pause(): void;
    resume(): void;

    /** Ends the stream, with a close frame. No handler is called afterwards. */
    close(): void;
  }

  /** Params of `open`; those that it does not know are ignored. */
  export interface OpenParams extends EventSourceParams {
    /** The same as `timeouts.total`. */
    timeout?: Duration;
  }

  /** An event as `open` gives it to the script. */
  export interface OpenedEvent {
    /** The id that this event has set; else empty. */
    id: string;
    /** The event's name; else empty. */
    name: string;
    data: string;
    /** The last comment among the lines of this event; else empty. */
    comment: string;
  }

  /** What went wrong with a stream of `open`. */
  export interface OpenError {
    /** The kind and the message. */
    error(): string;
    kind: ErrorKind;
    message: string;
    /** The status of the response, or 0 if there was none. */
    status: number;
  }

  export interface OpenClient {
    on(type: "open", handler: () => void): void;
    on(type: "event", handler: (event: OpenedEvent) => void): void;
    on(type: "error", handler: (error: OpenError) => void): void;
    /** Ends the stream. No handler is called afterwards. */
    close(): void;
  }

  export interface OpenResponse {
    /** Where the response came from, after redirects; else the URL that was given. */
    url: string;
    /** The status of the response, or 0 if there was none. */
    status: number;
    headers: Record<string, string>;
    /** Up to 64 KiB of the body of a response that was no event stream; else empty. */
    body: string;
    /** What went wrong; empty if the server ended the stream or the script closed it. */
    error: string;
  }

  /**
   * Opens a stream and blocks until it has ended: the API of github.com/phymbert/xk6-sse. Timers and other streams of
   * the virtual user wait meanwhile. `setup` is called once, after the attempt to connect, whether it succeeded or not;
   * then come "open" and "event", or "error".
   *
   * Failures are in the response's `error`. With k6's option `throw` they are thrown, except where the server answered
   * with another status or content type. Exceptions of the script's functions are thrown in any case.
   */
  export function open(url: string, setup: (client: OpenClient) => void): OpenResponse;
  export function open(
    url: string,
    params: OpenParams | null | undefined,
    setup: (client: OpenClient) => void,
  ): OpenResponse;

  const sse: {
    EventSource: typeof EventSource;
    WebSocketSource: typeof WebSocketSource;
    open: typeof open;
  };
  export default sse;
}
