import { once } from 'node:events';
import type { Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { createHttpServer, type HttpParts } from '../../src/server/http-server.ts';

let server: Server | undefined;
afterEach(async () => {
  server?.closeAllConnections();
  await new Promise((resolve) => server?.close(resolve));
});

test.each([
  ['/healthz', 'multipart/form-data; boundary=x'],
  ['/nowhere', 'multipart/form-data; boundary=x'],
  ['/nowhere', 'application/json'],
])('a body of %s (%s) that has no end ends with its connection', async (path, contentType) => {
  // No door is behind these paths.
  server = createHttpServer({ bodyTimeoutMs: 150 } as HttpParts);
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1').on('error', () => undefined);
  socket.resume();
  const closed = new Promise((resolve) => socket.once('close', resolve));
  socket.write(`POST ${path} HTTP/1.1\r\nhost: x\r\ncontent-type: ${contentType}\r\ncontent-length: 9000000\r\n\r\n`);
  const sending = setInterval(() => socket.write('more'), 5);
  await closed;
  clearInterval(sending);
  expect(socket.bytesRead).toBeGreaterThan(0);
});
