/** Turns a result into Markdown. Whatever number stands in the documentation has come through here. */

const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];
const whole = (value) => Math.round(value).toLocaleString('en-US');
const of = (variant, member) => variant.rounds.map((round) => round[member]);

/** Within each round, so that what the machine did meanwhile has met both. */
function ratios(variant, base, member) {
  return variant.rounds.map((round, i) =>
    member === 'cpu' ? base.rounds[i].cpu / round.cpu : round.rps / base.rounds[i].rps,
  );
}

function sideTable(variants) {
  const [base] = variants;
  const rows = variants.map((variant) => {
    const rps = of(variant, 'rps');
    return [
      variant.name,
      `${whole(median(rps))} (${whole(Math.min(...rps))} to ${whole(Math.max(...rps))})`,
      median(of(variant, 'cpu')).toFixed(1),
      median(ratios(variant, base, 'rps')).toFixed(2),
      median(ratios(variant, base, 'cpu')).toFixed(2),
      `${median(of(variant, 'p50'))} / ${median(of(variant, 'p99'))}`,
      `${Math.round(median(of(variant, 'load')) * 100)} %`,
    ];
  });
  return markdown(
    [
      '',
      'requests a second: median (min to max)',
      'CPU us a request',
      'ratio',
      'CPU ratio',
      'p50 / p99 ms',
      'core',
    ],
    rows,
  );
}

function markdown(head, rows) {
  const line = (cells) => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map((_, i) => (i === 0 ? '---' : '---:'))), ...rows.map(line)].join('\n');
}

/** How one variant does against another: by requests, or by processor time where a core was not full. */
function against(variants, one, other) {
  const [a, b] = [one, other].map((id) => variants.find((variant) => variant.id === id));
  const isFull = [a, b].every((variant) => median(of(variant, 'load')) >= 0.9);
  return { ratio: median(ratios(a, b, isFull ? 'rps' : 'cpu')), by: isFull ? 'requests' : 'CPU' };
}

function goals(result) {
  const { endpoint, guard, growth, core } = result;
  const compared = (text, variants, one, other, goal) => {
    const { ratio, by } = against(variants, one, other);
    return [text, `${ratio.toFixed(2)} (by ${by})`, `>= ${goal.toFixed(2)}`, ratio >= goal];
  };
  const most = (text, value, goal, unit = '') => [
    text,
    `${value.toFixed(2)}${unit}`,
    `<= ${goal}${unit}`,
    value <= goal,
  ];
  const { nanoseconds: ns, heap, sweep, together } = core;
  const [small] = growth.byTokens;
  const large = growth.byTokens.at(-1);
  const grown = median(ratios(large, small, 'rps'));
  const coalescing = together.oneEach / together.coalesced;
  return [
    compared('endpoint against bare, unauthenticated Express', endpoint, 'ours', 'bare-express', 1.1),
    compared('endpoint against oidc-provider', endpoint, 'ours', 'oidc-provider', 2.75),
    compared('guard hit against the unguarded route', guard, 'cached', 'unguarded', 0.9),
    compared(
      'guard hit against express-oauth2-jwt-bearer RS256',
      guard,
      'cached',
      'oauth2-jwt-bearer-rs256',
      3.4,
    ),
    compared(
      'guard hit against express-oauth2-jwt-bearer ES256',
      guard,
      'cached',
      'oauth2-jwt-bearer-es256',
      8,
    ),
    compared('guard miss against a hand-written undici call', guard, 'miss', 'hand-written', 0.95),
    ['100 concurrent misses of one token, times faster', coalescing.toFixed(1), '>= 20', coalescing >= 20],
    [
      `endpoint at ${whole(large.tokens)} tokens against ${whole(small.tokens)}`,
      grown.toFixed(2),
      '>= 0.90',
      grown >= 0.9,
    ],
    most(
      'one lookup in the memory store against its engine',
      ns['MemoryTokenStore.find'].median / ns['SHA-256 and Map.get: the engine of the memory store'].median,
      1.3,
    ),
    most('heap per stored token against a plain Map', heap.store / heap.plainStore, 1.3),
    most('heap per cached answer against a plain lru-cache', heap.cache / heap.plainCache, 1.3),
    most(`longest pause while ${whole(sweep.records)} expired tokens are swept`, sweep.longest, 20, ' ms'),
  ];
}

/** All tables of a result. */
export function table(result) {
  const { growth, core, otherNodes } = result;
  const parts = [
    `${result.date}, Node ${result.node}, ${result.processor}, ${result.cores} cores, ${result.memoryGiB} GiB; server and load ` +
      `${result.pinned ? 'pinned to a core each' : 'not pinned'}; ${result.connections} connections; ` +
      `${result.rounds} rounds of ${result.seconds} s each. ` +
      `${Object.entries(result.versions)
        .map(([name, version]) => `${name} ${version}`)
        .join(', ')}.`,
    '### Goals',
    markdown(
      ['', 'seen', 'goal', ''],
      goals(result).map(([text, seen, goal, met]) => [text, seen, goal, met ? 'met' : 'not met']),
    ),
    '### Endpoint',
    sideTable(result.endpoint),
    '### Guard',
    sideTable(result.guard),
    '### Growth',
    markdown(
      ['tokens in the store', 'requests a second', 'p99 ms'],
      [...growth.byTokens, ...growth.enormous.slice(1)].map((variant) => [
        whole(variant.tokens),
        whole(median(of(variant, 'rps'))),
        median(of(variant, 'p99')),
      ]),
    ),
    ...growth.enormous.slice(1).map((variant) => {
      const ratio = median(ratios(variant, growth.enormous[0], 'rps')).toFixed(2);
      return `With ${whole(variant.tokens)} tokens it answers ${ratio} times as many as with ${whole(growth.enormous[0].tokens)} in the same round.`;
    }),
    markdown(
      ['connections', 'requests a second', 'CPU us a request', 'p99 ms'],
      growth.byConnections.map((variant) => [
        variant.connections,
        whole(median(of(variant, 'rps'))),
        median(of(variant, 'cpu')).toFixed(1),
        median(of(variant, 'p99')),
      ]),
    ),
    markdown(
      ['heap, bytes each', 'ours', 'the plainest that holds the same'],
      [
        ['a stored token of 4 members', whole(core.heap.store), whole(core.heap.plainStore)],
        ['a cached answer of 11 members', whole(core.heap.cache), whole(core.heap.plainCache)],
      ],
    ),
    `While ${whole(core.sweep.records)} expired tokens are swept, the event loop stops for ${core.sweep.p99.toFixed(1)} ms ` +
      `(p99) and ${core.sweep.longest.toFixed(1)} ms at most. 100 concurrent questions about one token that is not cached ` +
      `take ${core.together.coalesced.toFixed(2)} ms together, and ${core.together.oneEach.toFixed(2)} ms as 100 calls.`,
    '### Core, without HTTP',
    markdown(
      ['', 'median ns', 'mean ns'],
      Object.entries(core.nanoseconds).map(([name, { median: middle, mean }]) => [
        name,
        whole(middle),
        whole(mean),
      ]),
    ),
  ];
  for (const [version, tables] of Object.entries(otherNodes)) {
    parts.push(`### Node ${version}`, sideTable(tables.endpoint), sideTable(tables.guard));
  }
  return `${parts.join('\n\n')}\n`;
}

/** docs/performance.md. */
export function document(result) {
  return `# Performance

All numbers on this page were written by \`npm run bench\`, which measures the published build of this repository next to
what somebody would take instead. Run it on your own machine: ratios travel, absolute numbers do not.

## Method

- One run measures all variants in turn, round by round (A B C, A B C, ...), and a ratio is taken within each round, so
  that whatever else the machine does meets all variants alike. Each turn is a process of its own, warmed up before it is
  measured, since one process may be a tenth quicker than the next of the same program for all its life. The tables have
  medians over the rounds.
- The server has one core and the load (autocannon) another. A process of the lowest priority keeps the core of the load
  from going to sleep, since what it costs to wake it would otherwise depend on the variant.
- 32 connections, 256 different tokens; each connection begins with another token. \`NODE_ENV=production\`.
- Nothing is switched off: client authentication, throttle, policy and audit are on, with default options, and a guard
  checks audience, issuer, expiry and scope on each request.
- Before the load, every request of it is asked once and its whole answer compared with what it has to be, and so are a
  wrong secret, an unknown token and a request without credentials. During the load each status and body is compared.
  One wrong answer fails the run.
- "ratio" is of requests a second, "CPU ratio" of processor time a request, both against the first row. Where a core is
  not full ("core"), the CPU ratio is the one to look at.
- Express runs about three times slower on Node 20 and 22 than on 24 and later, whatever is mounted in it; \`npm run bench
  -- --nodes 20,22,26\` adds tables for them.

## Result

${table(result)}
## How to read it

- The endpoint costs less than the plainest Express route that parses a form and sends JSON, although that one
  authenticates nobody: small plain forms are read without a parser, and an answer is one write without an \`ETag\`.
- \`node:http\` and Fastify show what Express itself costs.
- A guard's hit is one SHA-256 of the token, one lookup and the checks. "hand-written guard, a Map by digest" does the
  same without a cache, limits or error answers: it is about what can be had in Express with digests for keys.
- A guard's miss is the call to the server; with a token asked about again within \`maxAge\`, it is a hit.
- Processor time at a few connections is higher, since nothing is done in batches then.
`;
}
