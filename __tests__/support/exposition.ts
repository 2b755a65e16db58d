/** One line of what Prometheus reads: a series and its value. */
export interface Series {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** The name of the exporter's scope, which every series has, and the bound of a bucket. */
const OWN = ['otel_scope_name', 'le'];

/**
 * Reads the text format 0.0.4 of Prometheus.
 *
 * @throws Error for a line that is none
 */
export function exposition(text: string): readonly Series[] {
  return text
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('# '))
    .map((line) => {
      const [, name, , labels = '', value] =
        /^([a-zA-Z_:][a-zA-Z0-9_:]*)(\{(.*)\})? (NaN|[+-]Inf|[-+.eE\d]+)$/.exec(line) ?? [];
      if (name === undefined) throw new Error(`no series: ${line}`);
      return { name, labels: labelsOf(labels), value: Number(value?.replace('Inf', 'Infinity')) };
    });
}

function labelsOf(text: string): Record<string, string> {
  const labels: Record<string, string> = {};
  let rest = text;
  while (rest !== '') {
    const [all, name, value] = /^([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)",?/.exec(rest) ?? [];
    if (all === undefined || name === undefined || name in labels) throw new Error(`no labels: ${text}`);
    labels[name] = (value ?? '').replace(/\\(.)/g, (_, escaped) => (escaped === 'n' ? '\n' : escaped));
    rest = rest.slice(all.length);
  }
  return labels;
}

/** The labels that say something, without those of the exporter. */
export function ownLabels({ labels }: Series): Record<string, string> {
  return Object.fromEntries(Object.entries(labels).filter(([name]) => !OWN.includes(name)));
}
