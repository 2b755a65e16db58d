import { connect } from 'node:net';
import type { PostgresClient } from './pool.js';

/** The code of a CancelRequest (PostgreSQL, frontend/backend protocol). */
const CANCEL_REQUEST = 80877102;
/** How long (ms) the message may take. */
const PATIENCE = 1000;

/**
 * Asks the server to give up what a connection is waiting for, before that connection is ended: a server that waits for a
 * lock does not notice that nobody waits for it any more. It would go on when it has the lock, and take one of its
 * places for connections until then.
 *
 * The protocol wants another connection for it, which takes no such place. Nobody is told how it went.
 */
export function cancel({ host, port, processID, secretKey }: PostgresClient): void {
  if (!host || !port || !processID || typeof secretKey !== 'number') return;
  const isPath = host.startsWith('/');
  const socket = isPath ? connect(`${host}/.s.PGSQL.${port}`) : connect(port, host);
  const message = Buffer.alloc(16);
  for (const [i, value] of [16, CANCEL_REQUEST, processID, secretKey].entries())
    message.writeInt32BE(value, i * 4);
  socket.on('error', () => socket.destroy());
  socket.unref();
  socket.setTimeout(PATIENCE, () => socket.destroy());
  // The server closes it.
  socket.resume().write(message);
}
