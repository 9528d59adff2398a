import { Agent, createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { startSandbox } from '../../src/sandbox/server.ts';
import { misbehave } from './hostile-api.ts';

/**
 * The API behind the attacked gateway, as a process of its own: the sandbox, and under other project ids an API that is
 * hostile itself. Sends the gateway's settings to its parent.
 */
const sandbox = await startSandbox({ maxRequestLog: 0 });
const agent = new Agent({ keepAlive: true });

function passOn(req: IncomingMessage, res: ServerResponse): void {
  const { port } = new URL(sandbox.url);
  const on = request({ port, agent, method: req.method, path: req.url, headers: req.headers }, (answer) => {
    res.writeHead(answer.statusCode as number, answer.headers);
    answer.pipe(res);
  });
  on.on('error', () => res.destroy());
  res.on('close', () => on.destroy());
  req.pipe(on);
}

const server = createServer((req, res) => {
  const project = /^\/2\.0\/project\/([^/]+)/.exec(req.url ?? '')?.[1] ?? '';
  if (!misbehave(project, req, res)) passOn(req, res);
});
server.listen(0, '127.0.0.1', () => {
  const { profile, content, conversion, interaction } = sandbox.sources;
  process.send?.({
    DATATRICS_URL: `http://127.0.0.1:${(server.address() as AddressInfo).port}/2.0`,
    DATATRICS_PROJECT: sandbox.project,
    DATATRICS_PROFILE_SOURCES: profile.join(','),
    DATATRICS_CONTENT_SOURCES: content.join(','),
    DATATRICS_CONVERSION_SOURCES: conversion.join(','),
    DATATRICS_INTERACTION_SOURCES: interaction.join(','),
  });
});
process.on('disconnect', () => process.exit(0));
