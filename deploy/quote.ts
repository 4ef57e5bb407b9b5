/** A command line for a POSIX shell: words that need it are quoted. */
export const shellLine = (words: readonly string[]): string =>
  words.map((word) => (/^[\w@+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`)).join(" ");

/** A shell's command line in a crontab, where % would end it. */
export const cronLine = (words: readonly string[]): string => shellLine(words).replaceAll("%", "\\%");

/** A path or a word in a unit of systemd, where % begins a specifier. */
export const systemdText = (text: string): string => text.replaceAll("%", "%%");

/** A command line of a unit. */
export const systemdLine = (words: readonly string[]): string =>
  words
    .map((word) => systemdText(word).replaceAll("$", "$$$$"))
    .map((word) => (/^[\w@+=:,./%$-]+$/.test(word) ? word : `"${word.replace(/["\\]/g, "\\$&")}"`))
    .join(" ");
