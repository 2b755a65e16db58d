import { Agent, type AgentOptions } from 'node:http';
import { Agent as SecureAgent } from 'node:https';
import type { Duplex } from 'node:stream';

const OPTIONS: AgentOptions = {
  keepAlive: true,
  // More idle connections than this to one server are closed.
  maxFreeSockets: 128,
  // Milliseconds after which an idle connection is closed: many servers do so after five seconds. It ends no request.
  timeout: 4000,
  // The last one used comes first, so that the others can time out.
  scheduling: 'lifo',
};

/** The `http:` connections of one transport. */
export function plainConnections(): Agent {
  return watched(new Agent(OPTIONS));
}

/** The `https:` connections of one transport. RFC 7662 §4: the certificate is checked, whatever NODE_TLS_REJECT_UNAUTHORIZED says. */
export function secureConnections(): SecureAgent {
  return watched(new SecureAgent({ ...OPTIONS, rejectUnauthorized: true }));
}

/** Closes idle connections on which the server sends something: that must not become the response to the next request. */
function watched<A extends Agent>(agent: A): A {
  const keep = agent.keepSocketAlive.bind(agent);
  const reuse = agent.reuseSocket.bind(agent);
  // Both are documented as to be overridden; the first one says whether the socket can be kept.
  agent.keepSocketAlive = (socket) => {
    socket.on('data', destroy);
    return keep(socket);
  };
  agent.reuseSocket = (socket, request) => {
    socket.off('data', destroy);
    reuse(socket, request);
  };
  return agent;
}

function destroy(this: Duplex): void {
  this.destroy();
}
