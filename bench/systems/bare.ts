import { createServer, type IncomingMessage } from 'node:http';
import { Pool } from 'undici';
import { CONNECTIONS, conversionsPath, HEADERS, PORT, profilePath, stopOnSignal, UPSTREAM } from './rest.ts';

/**
 * The minimum of work for a Node program between client and API: it makes the calls and passes the bytes on. It knows in
 * advance which profiles a list links to, so it parses no answer. It is a bound, not a product. The path names the workload.
 */
const SOURCE = 'Webshop';
const pool = new Pool(UPSTREAM, { connections: CONNECTIONS });
const listSize = Number(process.env.LIST_SIZE);
const linked = (process.env.LINKED ?? '').split(',');

async function get(path: string): Promise<Buffer> {
  const { body } = await pool.request({ method: 'GET', path, headers: HEADERS });
  return Buffer.from(await body.arrayBuffer());
}

const profile = (id: string): Promise<Buffer> => get(profilePath(id, SOURCE));

async function answer(workload: string, variables: Record<string, string>): Promise<Buffer[]> {
  const name = workload.split('-')[0];
  if (name === 'Q1') return [await profile(variables.id as string)];
  if (name === 'Q5') return Promise.all(Object.values(variables).map(profile));
  const one = name === 'Q4' ? [profile(variables.id as string)] : [];
  const list = await get(conversionsPath(listSize));
  if (name === 'Q2') return [list];
  const links = await Promise.all(linked.map(profile));
  return [list, ...links, ...(await Promise.all(one))];
}

function read(req: IncomingMessage): Promise<string> {
  return new Promise((resolve) => {
    let text = '';
    req.setEncoding('utf8');
    req.on('data', (chunk) => {
      text += chunk;
    });
    req.on('end', () => resolve(text));
  });
}

createServer(async (req, res) => {
  const { variables } = JSON.parse(await read(req));
  const parts = await answer((req.url ?? '').slice(1), variables);
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  res.writeHead(200, { 'content-type': 'application/json', 'content-length': length });
  for (const part of parts.slice(0, -1)) res.write(part);
  res.end(parts.at(-1));
}).listen(PORT, '127.0.0.1');
stopOnSignal();
