import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** Stands between a client and a server of this machine, and does to their connections what a network does. */
export interface TestProxy {
  readonly port: number;
  /** How many connections there are now. */
  readonly connections: number;
  /** Ends all connections, and each new one at once, until `resume`. */
  cut(): void;
  /** Lets nothing through, either way: connections stay, new ones are taken, and nobody answers, until `resume`. */
  hang(): void;
  /** Lets everything through again; first what was held back. */
  resume(): void;
  /** Lets new connections through; those that hang go on hanging. */
  resumeNew(): void;
  /** Ends the connections and the proxy itself. */
  close(): Promise<void>;
}

interface Connection {
  readonly near: Socket;
  far?: Socket;
}

/** Starts a proxy to a port of this machine. */
export async function startProxy(target: number): Promise<TestProxy> {
  const open = new Set<Connection>();
  let state: 'open' | 'cut' | 'hung' = 'open';

  const forward = (connection: Connection): void => {
    const { near } = connection;
    const far = connect(target, '127.0.0.1');
    connection.far = far;
    join(near, far);
    join(far, near);
    near.resume();
  };
  const end = ({ near, far }: Connection): void => {
    near.destroy();
    far?.destroy();
  };

  const server = createServer({ pauseOnConnect: true, noDelay: true }, (near) => {
    const connection: Connection = { near };
    open.add(connection);
    near.once('close', () => {
      open.delete(connection);
      connection.far?.destroy();
    });
    near.on('error', () => {});
    if (state === 'cut') near.resetAndDestroy();
    if (state === 'open') forward(connection);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));

  return {
    port: (server.address() as AddressInfo).port,
    get connections() {
      return open.size;
    },
    cut() {
      state = 'cut';
      for (const connection of open) end(connection);
    },
    hang() {
      state = 'hung';
      for (const { near, far } of open) {
        near.pause();
        far?.pause();
      }
    },
    resume() {
      state = 'open';
      for (const connection of open) {
        connection.near.resume();
        if (connection.far) connection.far.resume();
        else forward(connection);
      }
    },
    resumeNew() {
      state = 'open';
    },
    async close() {
      const closed = new Promise((resolve) => server.close(resolve));
      for (const connection of open) end(connection);
      await closed;
    },
  };
}

/** Sends to one what comes from the other. No regard for how much waits: tests send little. */
function join(from: Socket, to: Socket): void {
  from.setNoDelay(true);
  from.on('data', (data) => to.write(data));
  from.on('end', () => to.end());
  from.on('close', () => to.destroy());
  from.on('error', () => to.destroy());
}
