const POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:";

/**
 * A page that shows a server's HTML, for a browser that is to run nothing of it, ask nobody for more, and go nowhere: the
 * sandbox of its frame keeps scripts, forms and refreshes off, the policy what would be loaded.
 */
export function framed(html: string, title: string): string {
  return `<!doctype html>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${POLICY}">
<title>${escaped(title)}</title>
<style>iframe { position: fixed; inset: 0; width: 100%; height: 100%; border: 0; background: #fff; }</style>
<iframe sandbox title="${escaped(title)}" srcdoc="${escaped(html)}"></iframe>
`;
}

const escaped = (text: string): string =>
  text.replaceAll("&", "&amp;").replaceAll('"', "&quot;").replaceAll("<", "&lt;");
