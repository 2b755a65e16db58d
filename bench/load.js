/** The process that makes the load, on a core of its own: told `{ port, requests, connections, seconds }`, tells what it saw. */
import autocannon from 'autocannon';

/** Has no divisor in common with the number of requests. */
const STRIDE = 7;

process.on('message', async ({ port, requests, connections, seconds }) => {
  let wrong = 0;
  let example;
  const prepared = requests.map(({ method, path, headers, body, status, text }) => ({
    method,
    path,
    headers,
    body,
    onResponse(gotStatus, gotText) {
      if (gotStatus === status && gotText === text) return;
      wrong += 1;
      example ??= `${gotStatus} ${gotText.slice(0, 200)}`;
    },
  }));
  let started = 0;
  const result = await autocannon({
    url: `http://127.0.0.1:${port}`,
    connections,
    duration: seconds,
    requests: prepared,
    // Each connection begins elsewhere, or all would ask about the same token at the same time.
    setupClient(client) {
      const first = (started++ * STRIDE) % prepared.length;
      client.setRequests([...prepared.slice(first), ...prepared.slice(0, first)]);
    },
  });
  process.send({
    wrong: wrong + result.errors + result.timeouts,
    example,
    requests: result['2xx'],
    seconds: result.duration,
    p50: result.latency.p50,
    p99: result.latency.p99,
  });
});
process.on('disconnect', () => process.exit());
