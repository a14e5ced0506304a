import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type NetConnectOpts, type Socket } from 'node:net';

/** A way to a server that a test can cut and mend. */
export interface TcpProxy {
  readonly port: number;
  /** Resets what is connected and turns newcomers away, as where no server runs. */
  cut(): Promise<void>;
  /** Lets traffic through again, on the same port. */
  mend(): Promise<void>;
  /** Accepts and keeps silent, as a server that hangs; what is connected hears no more either. */
  freeze(): void;
  close(): Promise<void>;
}

/** Starts a proxy to a port or a Unix socket, on a port of its own. */
export async function startTcpProxy(target: NetConnectOpts): Promise<TcpProxy> {
  const clients = new Set<Socket>();
  const upstreams = new Set<Socket>();
  let frozen = false;
  const server = createServer((client) => {
    keep(clients, client);
    if (frozen) return;
    const upstream = connect(target);
    keep(upstreams, upstream);
    client.pipe(upstream).pipe(client);
    client.once('close', () => upstream.destroy());
    upstream.once('close', () => client.destroy());
  });
  const listen = async (port: number) => {
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
  };
  const cut = async () => {
    if (!server.listening) return;
    const closed = once(server, 'close');
    server.close();
    for (const client of clients) client.resetAndDestroy();
    await closed;
  };
  await listen(0);
  const { port } = server.address() as AddressInfo;
  return {
    port,
    cut,
    mend: async () => {
      frozen = false;
      await cut();
      await listen(port);
    },
    freeze: () => {
      frozen = true;
      for (const socket of [...clients, ...upstreams]) {
        socket.unpipe();
        socket.pause();
      }
    },
    close: cut,
  };
}

function keep(sockets: Set<Socket>, socket: Socket): void {
  sockets.add(socket);
  socket.on('error', () => undefined);
  socket.once('close', () => sockets.delete(socket));
}
