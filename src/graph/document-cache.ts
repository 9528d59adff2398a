import { createHash } from 'node:crypto';
import {
  type DocumentNode,
  GraphQLError,
  type GraphQLSchema,
  Kind,
  NoSchemaIntrospectionCustomRule,
  type OperationDefinitionNode,
  parse,
  specifiedRules,
  type ValidationRule,
  validate,
} from 'graphql';
import { LRUCache } from 'lru-cache';
import { createCompiler } from './compile.ts';
import { createDocumentCheck, type DocumentLimits } from './document-limits.ts';
import { IncrementalDirectivesRule } from './incremental.ts';
import { detachText, releaseTokens } from './locations.ts';
import { unkeptLiterals } from './number-literals.ts';
import { invalid, type Outcome, tooComplex, unresolved } from './outcome.ts';
import { type OperationIdentity, PreparedOperation } from './prepared-operation.ts';

export interface DocumentsOptions {
  readonly schema: GraphQLSchema;
  readonly limits: DocumentLimits;
  readonly introspection?: boolean;
  /** Whether to compile operations that run more than once. Default: true. */
  readonly compile?: boolean;
  /** Maximum memory of all prepared documents in bytes, including compiled functions. Default: 64 MiB. */
  readonly maxCachedBytes?: number;
}

/** A document in the cache. */
export interface PreparedDocument {
  readonly identity: OperationIdentity;
  /** As the client sent it; for an invalid document, the outcome. */
  readonly content: DocumentNode | Outcome;
  /** Estimated memory in bytes. */
  readonly bytes: number;
  /** Selects the operation by name, or the only one. Returns the outcome when the operation cannot run. */
  select(name: string | null | undefined): PreparedOperation | Outcome;
}

/** Maximum number of errors of one document. More errors do not help a developer. */
const MAX_ERRORS = 20;
/** Maximum number of errors of one request's variables. Each error can quote a large value. */
const MAX_VARIABLE_ERRORS = 5;
/** Length of a document's hash: enough to distinguish documents. */
const HASH_CHARACTERS = 16;

/** Measured bytes of a node of the syntax tree with its location. */
const NODE_BYTES = 200;
/** Bytes of a cache entry besides its texts. */
const ENTRY_BYTES = 1_024;
/** Maximum bytes of a character: V8 uses one or two. */
const CHARACTER_BYTES = 2;

/** Share of the cache for documents that no accepted caller has sent twice, so that a flood of new documents evicts only those. */
const NEW_SHARE = 1 / 4;

/**
 * Creates a function that parses and validates a document, with a cache.
 *
 * Its parameter `keep` is whether the caller is accepted, that is, whether the API accepts the caller's key. The cache moves a
 * document that an accepted caller sends again out of the share for new documents.
 */
export function createDocuments(options: DocumentsOptions): (text: string, keep: boolean) => PreparedDocument {
  const { schema, limits } = options;
  // Without introspection, suggestions in errors must not reveal names of the schema either.
  const hideSuggestions = options.introspection === false;
  const exceededLimit = createDocumentCheck(schema, limits);
  const rules: readonly ValidationRule[] = [
    ...specifiedRules,
    ...(hideSuggestions ? [NoSchemaIntrospectionCustomRule] : []),
    ...(schema.getDirective('defer') ? [IncrementalDirectivesRule] : []),
  ];
  const coercionOptions = { maxErrors: MAX_VARIABLE_ERRORS, hideSuggestions };
  const compiler = options.compile === false ? null : createCompiler(schema);
  const maxSize = options.maxCachedBytes ?? 64 * 1024 * 1024;
  const createCache = (share: number): LRUCache<string, PreparedDocument> =>
    new LRUCache({ maxSize: Math.ceil(maxSize * share), sizeCalculation: ({ bytes }) => bytes });
  const kept = createCache(1 - NEW_SHARE);
  const recent = createCache(NEW_SHARE);

  function parseAndValidate(text: string): DocumentNode | Outcome {
    const document = parse(text, { maxTokens: limits.maxTokens });
    detachText(document);
    const exceeded = exceededLimit(document);
    if (exceeded !== null) return tooComplex(exceeded);
    const unkept = unkeptLiterals(schema, document, text);
    if (unkept.length > 0) return invalid('BAD_USER_INPUT', unkept.slice(0, MAX_ERRORS));
    const errors = validate(schema, document, rules, { maxErrors: MAX_ERRORS, hideSuggestions });
    if (errors.some(({ message }) => message === 'Validation aborted.')) {
      return tooComplex('The document has too many fields with the same name to validate.');
    }
    if (errors.length > 0) return invalid('GRAPHQL_VALIDATION_FAILED', errors);
    const rootless = operationsOf(document).find(({ operation }) => !schema.getRootType(operation));
    if (rootless === undefined) return document;
    const error = new GraphQLError(`This API has no ${rootless.operation}s.`, { nodes: rootless });
    return invalid('GRAPHQL_VALIDATION_FAILED', [error]);
  }

  function explain(error: unknown): Outcome {
    // A stack overflow in the recursive parser or validator.
    if (error instanceof RangeError) return tooComplex('The document is nested too deeply.');
    if (!(error instanceof GraphQLError)) throw error;
    if (!error.message.includes('Document contains more that')) return invalid('GRAPHQL_PARSE_FAILED', [error]);
    return tooComplex(`The document has more than ${limits.maxTokens} tokens (MAX_TOKENS).`);
  }

  function prepare(text: string): PreparedDocument {
    const identity = { document: createHash('sha256').update(text).digest('hex').slice(0, HASH_CHARACTERS) };
    const ownBytes = ENTRY_BYTES + text.length * CHARACTER_BYTES;
    let content: DocumentNode | Outcome;
    try {
      content = parseAndValidate(text);
    } catch (error) {
      content = explain(error);
    }
    if (content.kind !== Kind.DOCUMENT) {
      const outcome = content;
      const bytes = ownBytes + JSON.stringify(outcome.result).length * CHARACTER_BYTES;
      return { identity, content, bytes, select: () => outcome };
    }

    const document = content;
    const nodes = operationsOf(document);
    const operations = new Map<OperationDefinitionNode, PreparedOperation>();
    const onGrowth = (bytes: number): void => {
      for (const cache of [kept, recent]) {
        const entry = cache.peek(text);
        // The cache may have evicted the document, and may have prepared it again since.
        if (entry?.identity !== identity) continue;
        cache.delete(text);
        cache.set(text, { ...entry, bytes: entry.bytes + bytes });
      }
    };
    return {
      identity,
      content,
      bytes: ownBytes + releaseTokens(document) * NODE_BYTES,
      select(name) {
        const node = selectNode(nodes, name || undefined);
        if ('result' in node) return node;
        let operation = operations.get(node);
        if (operation === undefined) {
          const shared = { schema, limits, document, coercionOptions, compiler, onGrowth };
          operation = new PreparedOperation(node, identity.document, shared);
          operations.set(node, operation);
        }
        return operation;
      },
    };
  }

  return (text, keep) => {
    const known = kept.get(text);
    if (known) return known;
    let entry = recent.get(text);
    if (entry === undefined) {
      entry = prepare(text);
      recent.set(text, entry);
    } else if (keep) {
      recent.delete(text);
      kept.set(text, entry);
    }
    return entry;
  };
}

function operationsOf({ definitions }: DocumentNode): OperationDefinitionNode[] {
  return definitions.filter((definition) => definition.kind === Kind.OPERATION_DEFINITION);
}

function selectNode(nodes: readonly OperationDefinitionNode[], name: string | undefined) {
  const node = name === undefined ? nodes[0] : nodes.find((one) => one.name?.value === name);
  if (node === undefined) {
    return unresolved(`The document has no operation${name === undefined ? '' : ` named "${name}"`}.`);
  }
  if (name === undefined && nodes.length > 1) {
    return unresolved('operationName is required: the document has several operations.');
  }
  return node;
}
