/** Turns the result of `stores.js` into Markdown. */

const MOST_RATIO = 1.2;
const MIB = 2 ** 20;
const MOST_HEAP = 2 * MIB;

export const median = (values) => {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  return sorted.length % 2 === 0 ? (sorted[middle - 1] + sorted[middle]) / 2 : sorted[Math.floor(middle)];
};
const whole = (value) => Math.round(value).toLocaleString('en-US');
/** Three digits. */
const short = (value) =>
  value === undefined || Number.isNaN(value) ? '' : value >= 100 ? whole(value) : value.toPrecision(3);
const of = (size, read) => median(size.rounds.map(read));
const ends = ({ sizes }) => [sizes[0], sizes.at(-1)];

/** Of the medians of two turns that followed each other, so that what the machine did meanwhile has met both. */
function ratio(variant, how = 'one') {
  const [few, many] = ends(variant);
  return median(
    many.rounds.flatMap((round, i) =>
      round[how].medians.map((seen, turn) => seen / few.rounds[i][how].medians[turn]),
    ),
  );
}

/** How much more heap is used with many tokens than with few. */
function heapGrowth(variant) {
  const [few, many] = ends(variant);
  return of(many, ({ memory }) => memory.heapUsed) - of(few, ({ memory }) => memory.heapUsed);
}

export function goals({ stores }) {
  const durable = stores.filter((variant) => variant.durable);
  const growth = (name, how) => (variant) => {
    const seen = ratio(variant, how);
    const what = `${variant.name}: median of ${name} with ${whole(ends(variant)[1].size)} tokens, times that with ${whole(ends(variant)[0].size)}`;
    return { what, seen: seen.toFixed(2), goal: `<= ${MOST_RATIO}`, isMet: seen <= MOST_RATIO };
  };
  const asked = stores.filter(({ sizes, hot }) => sizes && !hot);
  return [
    ...asked.map(growth('`find` by itself', 'one')),
    ...asked.map(growth('an introspection over HTTP', 'request')),
    ...durable.map((variant) => {
      const seen = heapGrowth(variant);
      const what = `${variant.name}: heap of our process with ${whole(ends(variant)[1].size)} tokens, more than with ${whole(ends(variant)[0].size)}`;
      return {
        what,
        seen: `${(seen / MIB).toFixed(2)} MiB`,
        goal: `<= ${MOST_HEAP / MIB} MiB`,
        isMet: seen <= MOST_HEAP,
      };
    }),
  ];
}

export function storesTable(result) {
  const { stores, date, node, processor, cores, memoryGiB, pinned, versions, rounds, diskTime } = result;
  const read = stores.filter(({ sizes }) => sizes);
  const written = stores.filter(({ writes }) => Array.isArray(writes));
  const names = Object.entries(versions)
    .filter(([, version]) => version)
    .map(([name, version]) => `${name} ${version}`);
  return `${[
    `${date}, Node ${node}, ${processor}, ${cores} cores, ${memoryGiB} GiB${pinned ? '; our process and the server pinned to a core each' : ''}; ` +
      `${names.join(', ')}; ${rounds} rounds, medians over them. Server and process on one machine. ` +
      `4 KiB are on disk after ${whole(diskTime)} us (fdatasync).`,
    '### Goals',
    markdown(
      ['', 'seen', 'goal', ''],
      goals(result).map(({ what, seen, goal, isMet }) => [what, seen, goal, isMet ? 'met' : 'not met']),
    ),
    '### One lookup: `find` by itself',
    markdown(
      [
        '',
        'tokens',
        'median us',
        'p99 us',
        'ratio',
        '64 under way: a second',
        'median us',
        'p99 us',
        'our CPU us',
        "the server's CPU us",
      ],
      read.flatMap((variant) =>
        variant.sizes.map((size, i) => [
          variant.name,
          whole(size.size),
          short(of(size, ({ one }) => one.p50)),
          short(of(size, ({ one }) => one.p99)),
          i === 0 ? '' : ratio(variant).toFixed(2),
          whole(of(size, ({ many }) => many.perSecond)),
          short(of(size, ({ many }) => many.p50)),
          short(of(size, ({ many }) => many.p99)),
          short(of(size, ({ many }) => many.cpu)),
          short(of(size, ({ many }) => many.serverCpu)),
        ]),
      ),
    ),
    '### One introspection over HTTP, one after the other',
    markdown(
      ['', 'tokens', 'median us', 'p99 us', 'ratio'],
      read
        .filter(({ hot }) => !hot)
        .flatMap((variant) =>
          variant.sizes.map((size, i) => [
            variant.name,
            whole(size.size),
            short(of(size, ({ request }) => request.p50)),
            short(of(size, ({ request }) => request.p99)),
            i === 0 ? '' : ratio(variant, 'request').toFixed(2),
          ]),
        ),
    ),
    '### Memory of our process, after 20,000 lookups',
    markdown(
      ['', 'tokens', 'heapUsed MiB', 'more than with few', 'external MiB', 'rss MiB'],
      read.flatMap((variant) =>
        variant.sizes.map((size, i) => [
          variant.name,
          whole(size.size),
          (of(size, ({ memory }) => memory.heapUsed) / MIB).toFixed(2),
          i === 0 ? '' : (heapGrowth(variant) / MIB).toFixed(2),
          (of(size, ({ memory }) => memory.external) / MIB).toFixed(2),
          (of(size, ({ memory }) => memory.rss) / MIB).toFixed(0),
        ]),
      ),
    ),
    '### Bytes of a token',
    markdown(
      ['', 'tokens', 'what is counted', 'bytes', 'bytes a token', 'tokens a GB'],
      read.flatMap(bytesRow),
    ),
    '### Changes, 64 under way',
    markdown(
      [
        '',
        'tokens',
        'saves a second',
        'median us',
        'p99 us',
        "the server's CPU us",
        'revokes a second',
        'median us',
        'p99 us',
        "the server's CPU us",
      ],
      written.flatMap(({ name, writes }) =>
        writes.map((size) => [
          name,
          whole(size.size),
          ...['save', 'revoke'].flatMap((change) => [
            whole(of(size, (round) => round[change].perSecond)),
            whole(of(size, (round) => round[change].p50)),
            whole(of(size, (round) => round[change].p99)),
            short(of(size, (round) => round[change].serverCpu)),
          ]),
        ]),
      ),
    ),
  ].join('\n\n')}\n`;
}

const COUNTED = {
  memory: 'heapUsed, without what a process has anyway',
  lmdb: 'data.mdb',
  redis: 'used_memory, without what an empty server has',
  postgres: 'pg_total_relation_size of the table',
};

function bytesRow(variant) {
  const what = COUNTED[variant.id];
  if (!what) return [];
  const [few, many] = ends(variant);
  const bytes =
    many.bytes ??
    of(many, ({ memory }) => memory.heapUsed + memory.external) -
      of(few, ({ memory }) => memory.heapUsed + memory.external);
  const each = bytes / (many.bytes ? many.size : many.size - few.size);
  return [[variant.name, whole(many.size), what, whole(bytes), whole(each), whole(1e9 / each)]];
}

function markdown(head, rows) {
  const line = (cells) => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map((_, i) => (i === 0 ? '---' : '---:'))), ...rows.map(line)].join('\n');
}
