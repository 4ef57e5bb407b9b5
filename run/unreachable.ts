/** What keeps a plan API from being one, by what k6's error or the status says of it, and what to do. */
const CAUSES: readonly [
  (status: number, text: string) => boolean,
  (status: number, text: string) => string,
][] = [
  [
    (_, text) => text.includes("ip is blacklisted"),
    () =>
      "leads elsewhere than to this machine, and nothing was sent there: correct /etc/hosts or k6's option hosts, or name the server by its own name and allow that with ALLOW_REMOTE",
  ],
  [
    (status, text) => status === 0 && /x509|tls|certificate/.test(text),
    (_, text) =>
      `has a certificate that is not trusted (${text}): set SSL_CERT_FILE to the certificate of its authority, or K6_INSECURE_SKIP_TLS_VERIFY=true to have none verified`,
  ],
  [
    (status) => status >= 300 && status < 400,
    (status) =>
      `redirects (GET /health answered ${status}), and redirects are not followed: set BASE_URL to where it leads`,
  ],
  [
    (status) => status === 401 || status === 403,
    (status) =>
      `lets nobody in without credentials, or not with these (GET /health answered ${status}): set API_TOKEN or API_HEADERS in the environment`,
  ],
  [
    // k6 says so where a request was given up, and not where nobody took it.
    (status, text) => status === 0 && /request timeout|context deadline exceeded/.test(text),
    () =>
      "did not answer GET /health in time: a server that is there is frozen or overloaded, so wait until it answers, or restart it; else set BASE_URL to where it listens",
  ],
  [
    (status) => status === 0,
    (_, text) => `cannot be reached (${text}); start the server, or set BASE_URL to where it listens`,
  ],
];

/** Why GET /health, which was answered with this status (0: not at all, `text` says why), shows no plan API. */
export function whyNoPlanApi(status: number, text: string): string {
  const [, sentence] = CAUSES.find(([applies]) => applies(status, text)) ?? [];
  return (
    sentence?.(status, text) ??
    `is no plan API: GET /health answered ${status}; start the server, or set BASE_URL to where it listens`
  );
}
