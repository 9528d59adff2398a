import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { end, untilReady } from './process.ts';
import { accepts, freePort } from './redis.ts';

/** One request, as nginx has logged it. */
export interface LoggedRequest {
  /** `HTTP/2.0` or `HTTP/1.1`. */
  readonly protocol: string;
  /** The serial number of the connection. */
  readonly connection: string;
  readonly status: string;
  /** `content-encoding` of the answer, `-` for none. */
  readonly encoding: string;
  readonly method: string;
}

/**
 * A real nginx (Debian's package) in front of `upstream`: TLS with the certificate for `localhost`, HTTP/2 and gzip. All its
 * files are in a folder of its own.
 *
 * @param directives more directives of the server
 */
export async function startNginx(upstream: string, directives = '') {
  const folder = mkdtempSync(join(tmpdir(), 'nginx-'));
  const port = await freePort();
  const log = join(folder, 'access.log');
  writeFileSync(join(folder, 'nginx.conf'), configuration(folder, port, upstream, directives));
  const own = ['-p', folder, '-c', join(folder, 'nginx.conf'), '-e', join(folder, 'error.log')];
  const child = spawn('nginx', own, { stdio: 'ignore' });
  await untilReady('nginx', child, () => accepts(port));
  return {
    origin: `https://localhost:${port}`,
    /** The requests that have ended so far. */
    requests: (): LoggedRequest[] =>
      readFileSync(log, 'utf8')
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line)),
    /** New workers take over, and the old ones send GOAWAY on their connections. */
    reload: () => void execFileSync('nginx', [...own, '-s', 'reload'], { stdio: 'ignore' }),
    async close(): Promise<void> {
      await end(child, 'SIGTERM');
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function configuration(folder: string, port: number, upstream: string, directives: string): string {
  const tls = resolve('test/fixtures/tls');
  // Started by root, workers run as another user, who may not read the folder.
  const user = process.getuid?.() === 0 ? 'user root;' : '';
  return `
${user}
daemon off;
worker_processes 1;
pid ${folder}/nginx.pid;
error_log ${folder}/error.log;
events { worker_connections 1024; }
http {
  log_format request escape=json
    '{"protocol":"$server_protocol","connection":"$connection","status":"$status",'
    '"encoding":"$sent_http_content_encoding","method":"$request_method"}';
  access_log ${folder}/access.log request;
  client_body_temp_path ${folder}/body;
  proxy_temp_path ${folder}/proxy;
  fastcgi_temp_path ${folder}/fastcgi;
  uwsgi_temp_path ${folder}/uwsgi;
  scgi_temp_path ${folder}/scgi;
  gzip on;
  gzip_types application/json;
  server {
    listen 127.0.0.1:${port} ssl http2;
    server_name localhost;
    ssl_certificate ${tls}/cert.pem;
    ssl_certificate_key ${tls}/key.pem;
    ${directives}
    location / { proxy_pass ${upstream}; }
  }
}
`;
}
