// Adds the Authorization header on the way to the server, because the conformance suite cannot send one.
//
//   SERVER_KEY=… node proxy.mjs SERVER_PORT        prints its own address, then serves until it is ended
//
// It works on raw bytes: the suite tests how the server treats odd white space, header case, a foreign Host and cut streams, and an HTTP
// library in between would tidy those up. One request per connection ("Connection: close") spares it from finding where a body ends.
import net from 'node:net';

const upstream = Number(process.argv[2]);
const key = process.env.SERVER_KEY;
if (!upstream || !key) {
  console.error('usage: SERVER_KEY=… node proxy.mjs SERVER_PORT');
  process.exit(2);
}

const listener = net.createServer({ allowHalfOpen: true }, client => {
  let head = Buffer.alloc(0);
  client.on('error', () => client.destroy());
  client.on('data', function collect(bytes) {
    head = Buffer.concat([head, bytes]);
    const end = head.indexOf('\r\n\r\n');
    if (end < 0) return;
    client.off('data', collect);
    client.pause();

    const server = net.connect({ port: upstream, host: '127.0.0.1', allowHalfOpen: true }, () => {
      server.setNoDelay(true);
      server.write(dressed(head.subarray(0, end).toString('latin1')), 'latin1');
      server.write(head.subarray(end));
      client.pipe(server);
      server.pipe(client);
    });
    // A stream that one side gives up must end on the other side too: cancellation and listeners depend on it.
    client.on('close', () => server.destroy());
    server.on('close', () => client.destroy());
    server.on('error', () => client.destroy());
  });
});

// The request line and headers with our key. The suite addresses this proxy, so its name in Host and Origin becomes the server's;
// a foreign one stays as it is, for the server to refuse.
function dressed(head) {
  const [line, ...headers] = head.split('\r\n');
  const own = `127.0.0.1:${listener.address().port}`;
  const kept = headers
    .filter(header => !/^(connection|authorization):/i.test(header))
    .map(header => (/^(host|origin):/i.test(header) ? header.replace(own, `127.0.0.1:${upstream}`) : header));
  return [line, ...kept, `Authorization: Bearer ${key}`, 'Connection: close'].join('\r\n');
}

listener.listen(0, '127.0.0.1', () => console.log(`http://127.0.0.1:${listener.address().port}`));
