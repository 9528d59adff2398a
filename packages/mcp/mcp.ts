import { readFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Server } from '@modelcontextprotocol/sdk/server/index.js';
import { WebStandardStreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/webStandardStreamableHttp.js';
import {
  CallToolRequestSchema,
  type CallToolResult,
  ErrorCode,
  ListToolsRequestSchema,
  McpError,
} from '@modelcontextprotocol/sdk/types.js';
import { AjvJsonSchemaValidator } from '@modelcontextprotocol/sdk/validation/ajv';
import type { GraphQLSchema } from 'graphql';
import type { Authenticate } from '../../src/auth/authenticate.ts';
import type { Principal } from '../../src/auth/principal.ts';
import { allows } from '../../src/auth/scopes.ts';
import { isObject } from '../../src/datatrics/records/fields.ts';
import type { CostSettings } from '../../src/graph/cost.ts';
import { type Outcome, outcomeOfError } from '../../src/graph/outcome.ts';
import { readClientJson } from '../../src/lib/exact-json.ts';
import { wellFormedJson } from '../../src/lib/well-formed.ts';
import { SECURITY_HEADERS } from '../../src/server/headers.ts';
import type { Load } from '../../src/server/load-shedder.ts';
import type { OperationMessage } from '../../src/server/observer.ts';
import type { Operations } from '../../src/server/operations.ts';
import type { McpHandler } from '../../src/server/routes.ts';
import { createTools, type Tool } from './tools.ts';

export interface McpOptions {
  readonly schema: GraphQLSchema;
  /** Published documents by their ids; each named operation is a tool. */
  readonly documents: ReadonlyMap<string, string>;
  /** Whether mutations are tools too. */
  readonly mutations: boolean;
  readonly operations: Operations;
  readonly authenticate: Authenticate;
  /** What callers are to bring, as `WWW-Authenticate` says it. */
  readonly challenge: string;
  readonly costSettings: (principal: Principal) => CostSettings;
  readonly load: Load;
  readonly reportUnexpected: (error: unknown) => void;
}

/** The endpoint, and why documents or operations in them are no tools; one line each. */
interface Mcp {
  readonly handle: McpHandler;
  readonly leftOut: readonly string[];
}

const { name, version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
  name: string;
  version: string;
};

/** One for all requests: a server would make its own, which takes longer than most calls. */
const jsonSchemaValidator = new AjvJsonSchemaValidator();

/**
 * Published operations as tools for agents, by the Model Context Protocol over Streamable HTTP,
 * https://modelcontextprotocol.io/specification/2025-11-25/basic/transports
 *
 * Without sessions: each request is known by its own headers, and answered by any instance. A call goes the way of every
 * other operation, so that access, masking, budgets and limits are the same.
 */
export function createMcp(options: McpOptions): Mcp {
  const { authenticate, load, reportUnexpected } = options;
  const { tools, leftOut } = createTools(options.schema, options.documents, { mutations: options.mutations });

  function serverFor(principal: Principal, request: OperationMessage): Server {
    const server = new Server({ name, version }, { capabilities: { tools: {} }, jsonSchemaValidator });
    const mayCall = (tool: Tool): boolean => allows(principal.scopes, tool.needed(options.costSettings(principal)));
    server.setRequestHandler(ListToolsRequestSchema, () => ({
      tools: [...tools.values()].filter(mayCall).map((tool) => ({
        name: tool.name,
        description: tool.description,
        inputSchema: tool.inputSchema,
        annotations: {
          readOnlyHint: !tool.isMutation,
          destructiveHint: tool.isDestructive,
          idempotentHint: !tool.isMutation,
          openWorldHint: false,
        },
      })),
    }));
    server.setRequestHandler(CallToolRequestSchema, async ({ params }): Promise<CallToolResult> => {
      const tool = tools.get(params.name);
      if (!tool) throw new McpError(ErrorCode.InvalidParams, `There is no tool named ${JSON.stringify(params.name)}.`);
      const given = params.arguments ?? {};
      const strange = Object.keys(given).filter((argument) => !Object.hasOwn(tool.inputSchema.properties, argument));
      if (strange.length > 0) return failed(`${tool.name} has no argument named ${strange.join(', ')}.`);
      const outcome = await options.operations.answer(request, () => ({
        query: tool.text,
        operationName: tool.name,
        variables: given,
      }));
      return resultOf(outcome);
    });
    return server;
  }

  const handle: McpHandler = async (req, res, readBody) => {
    if (req.method !== 'POST') {
      return sendError(
        res,
        405,
        ErrorCode.InvalidRequest,
        'MCP needs POST here: there are no streams and no sessions.',
        {
          allow: 'POST',
        },
      );
    }
    if (!isOwnOrigin(req)) {
      return sendError(res, 403, ErrorCode.InvalidRequest, 'MCP is for programs, not for pages of other origins.');
    }
    if (!load.accepts()) {
      const message = 'The gateway is overloaded. Retry later.';
      return sendError(res, 503, ErrorCode.InternalError, message, { 'retry-after': '1' });
    }
    const body = await readBody();
    if (body === null) {
      return sendError(res, 413, ErrorCode.InvalidRequest, 'The body is too large.', { connection: 'close' });
    }
    const message = parse(body);
    if (message === undefined) return sendError(res, 400, ErrorCode.ParseError, 'The body is not JSON.');
    if (!isObject(message)) return sendError(res, 400, ErrorCode.InvalidRequest, 'Batches are not supported.');
    load.begin();
    try {
      await answer(req, res, message);
    } finally {
      load.end();
    }
  };

  return { handle, leftOut };

  async function answer(req: IncomingMessage, res: ServerResponse, message: object): Promise<void> {
    let principal: Principal;
    try {
      principal = await authenticate(req.headers);
    } catch (error) {
      const { status = 400, result } = outcomeOfError(error, reportUnexpected);
      const challenge = status === 401 ? { 'www-authenticate': options.challenge } : {};
      return sendError(res, status, ErrorCode.InvalidRequest, result.errors?.[0]?.message ?? '', challenge);
    }
    const server = serverFor(principal, { req, res, route: '/mcp' });
    server.onerror = () => undefined;
    const transport = new WebStandardStreamableHTTPServerTransport({ enableJsonResponse: true });
    await server.connect(transport);
    try {
      const response = await transport.handleRequest(toRequest(req), { parsedBody: message });
      const text = wellFormedJson(await response.text());
      send(res, response.status, Object.fromEntries(response.headers), Buffer.from(text));
    } finally {
      await server.close();
    }
  }
}

/** A GraphQL answer as a tool's: the same as text for a model, and as an object for a program. */
function resultOf(outcome: Outcome): CallToolResult {
  const text = outcome.json ?? JSON.stringify(outcome.result);
  const { data, errors } = outcome.result;
  const isEmpty = data === null || data === undefined || Object.values(data).every((value) => value === null);
  return {
    content: [{ type: 'text', text }],
    structuredContent: JSON.parse(text),
    ...(errors !== undefined && isEmpty && { isError: true }),
  };
}

/** A failure that the model can fix by calling differently. */
function failed(message: string): CallToolResult {
  const result = { errors: [{ message, extensions: { code: 'BAD_USER_INPUT' } }] };
  return { content: [{ type: 'text', text: JSON.stringify(result) }], structuredContent: result, isError: true };
}

/** Programs name no origin; a browser does, whatever page is open in it. */
function isOwnOrigin({ headers }: IncomingMessage): boolean {
  const { origin, host } = headers;
  return origin === undefined || (URL.canParse(origin) && new URL(origin).host === host);
}

function parse(body: Buffer): unknown {
  try {
    return readClientJson(body.toString('utf8'));
  } catch {
    return undefined;
  }
}

/** What the transport looks at; the body is read already. */
function toRequest({ headers }: IncomingMessage): Request {
  const names = ['accept', 'content-type', 'mcp-protocol-version', 'mcp-session-id'];
  const own = names.flatMap((header): [string, string][] => {
    const value = headers[header];
    return typeof value === 'string' ? [[header, value]] : [];
  });
  return new Request('http://gateway/mcp', { method: 'POST', headers: own });
}

function sendError(
  res: ServerResponse,
  status: number,
  code: number,
  message: string,
  headers: Readonly<Record<string, string>> = {},
): void {
  const body = JSON.stringify({ jsonrpc: '2.0', error: { code, message }, id: null });
  send(res, status, { 'content-type': 'application/json', ...headers }, Buffer.from(body));
}

function send(res: ServerResponse, status: number, headers: Readonly<Record<string, string>>, body: Buffer): void {
  const length = status === 202 || status === 204 ? {} : { 'content-length': body.length };
  res.writeHead(status, { ...SECURITY_HEADERS, 'cache-control': 'no-store', ...headers, ...length });
  res.end(body);
}
