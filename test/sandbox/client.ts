import { expect } from 'vitest';
import type { JsonObject, Sandbox } from '../../src/sandbox/server.ts';

type Reply = Awaited<ReturnType<ReturnType<typeof createClient>['get']>>;

/** Calls a sandbox over HTTP as an integration would, with paths below the project. */
export function createClient(sandbox: Sandbox) {
  async function request(method: string, url: string, body?: unknown, headers: HeadersInit = {}) {
    const text = body === undefined || typeof body === 'string' ? body : JSON.stringify(body);
    const response = await fetch(url, {
      method,
      headers,
      redirect: 'manual',
      ...(text !== undefined && { body: text }),
    });
    const answer = await response.text();
    return { status: response.status, headers: response.headers, text: answer, json: parse(answer) };
  }
  function call(method: string, path: string, body?: unknown) {
    const headers = { 'x-apikey': sandbox.apiKey, 'content-type': 'application/json' };
    return request(method, `${sandbox.url}/project/${sandbox.project}${path}`, body, headers);
  }
  return {
    request,
    get: (path: string) => call('GET', path),
    post: (path: string, body: unknown) => call('POST', path, body),
    put: (path: string, body: unknown) => call('PUT', path, body),
    delete: (path: string, body?: unknown) => call('DELETE', path, body),
    /** A control of the sandbox itself. */
    control: (method: string, path: string, body?: unknown) =>
      request(method, new URL(`/_sandbox${path}`, sandbox.url).href, body),
  };
}

export function expectRefusal(reply: Reply, status: number, message: RegExp): void {
  expect(reply.json).toEqual({ status, message: expect.stringMatching(message) });
  expect(reply.status).toBe(status);
}

export function profile(id: string, more: JsonObject = {}): JsonObject {
  return { profileid: id, source: 'shop', created: '2024-05-01 10:00:00', ...more };
}

export function sale(id: string, more: JsonObject = {}): JsonObject {
  return { conversionid: id, source: 'shop', created: '2024-05-01 10:00:00', ...more };
}

export function item(id: string, more: JsonObject = {}, metadata: JsonObject = {}): JsonObject {
  const created = '2024-05-01 10:00:00';
  return { id, ...more, metadata: { source: 'shop', itemtype: 'product', objecttype: 'item', created, ...metadata } };
}

export function interaction(id: string, metadata: JsonObject = {}): JsonObject {
  return { interactionid: id, source: 'mail', objecttype: 'interaction', metadata };
}

/** `count` ways to say a record, the ids counted from 1. */
export function times<T>(count: number, make: (id: string) => T): T[] {
  return Array.from({ length: count }, (_, i) => make(`${i + 1}`));
}

// biome-ignore lint/suspicious/noExplicitAny: tests look into bodies of every form
function parse(text: string): any {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
