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
import { type Compiler, createCompiler } from './compile.ts';
import { fragmentsOf } from './fragments.ts';
import { IncrementalDirectivesRule, withoutIncremental } from './incremental.ts';
import { createIntrospectionLimit } from './introspection.ts';
import { type DocumentLimits, exceededLimit } from './limits.ts';
import { detachText, releaseTokens } from './locations.ts';
import { unkeptLiterals } from './number-literals.ts';
import { invalid, type Outcome, tooComplex, unresolved } from './outcome.ts';
import type { PlannerLimits } from './plan.ts';
import { type OperationIdentity, PreparedOperation } from './prepared-operation.ts';

export interface DocumentsOptions {
  readonly schema: GraphQLSchema;
  readonly limits: DocumentLimits & PlannerLimits;
  /** Whether the schema can be asked for. Default: true. */
  readonly introspection?: boolean;
  /** Whether operations that come again are compiled. Default: true. */
  readonly compile?: boolean;
  /** Bytes of memory that prepared documents may take together, compiled functions included. Default: 64 MiB. */
  readonly maxCachedBytes?: number;
}

/** A document as the cache holds it. */
export interface CachedDocument {
  readonly identity: OperationIdentity;
  readonly prepared: PreparedDocument | Outcome;
}

/** A document that can run. */
export interface PreparedDocument {
  /** As it was sent. */
  readonly document: DocumentNode;
  /** Whether it has `@defer` or `@stream`. */
  readonly isIncremental: boolean;
  readonly operations: readonly PreparedOperation[];
  /** Bytes of memory, as measured: see `NODE_BYTES`. */
  readonly bytes: number;
}

/** More errors than this in one document or set of variables tell a developer nothing. */
const MAX_ERRORS = 20;
/** Each of these may quote a large value as a whole. */
const MAX_VARIABLE_ERRORS = 5;
/** Of a document's hash, enough to tell documents apart. */
const HASH_CHARACTERS = 16;
/** Of an operation's name, whatever a client calls it. */
const MAX_NAME_CHARACTERS = 64;

/** Bytes of a node of the syntax tree, its place included. */
const NODE_BYTES = 160;
/** Bytes of a cache entry besides its texts. */
const ENTRY_BYTES = 1_024;
/** A string's characters take one byte or two. */
const CHARACTER_BYTES = 2;

/** A document and the bytes of memory that it takes. */
interface WeighedDocument extends CachedDocument {
  readonly bytes: number;
}

/** Part of the cache for documents that no accepted caller has sent twice: a flood of new ones evicts only each other. */
const NEW_SHARE = 1 / 4;

/**
 * Gives what can be known of a document by its text, remembered up to a bound.
 *
 * @returns a function whose `keep` says whether the document counts as sent again by a caller whose key the API accepts
 */
export function createDocuments(options: DocumentsOptions): (text: string, keep: boolean) => CachedDocument {
  const { schema, limits } = options;
  // Where the schema can't be asked for, it is not to be guessed name by name either.
  const hideSuggestions = options.introspection === false;
  const judge: Judge = {
    schema,
    limits,
    exceededIntrospection: createIntrospectionLimit(schema),
    rules: [
      ...specifiedRules,
      ...(hideSuggestions ? [NoSchemaIntrospectionCustomRule] : []),
      ...(schema.getDirective('defer') ? [IncrementalDirectivesRule] : []),
    ],
    hideSuggestions,
    compiler: options.compile === false ? null : createCompiler(schema),
  };
  const maxSize = options.maxCachedBytes ?? 64 * 1024 * 1024;
  const createCache = (share: number): LRUCache<string, WeighedDocument> =>
    new LRUCache({ maxSize: Math.ceil(maxSize * share), sizeCalculation: ({ bytes }) => bytes });
  const kept = createCache(1 - NEW_SHARE);
  const recent = createCache(NEW_SHARE);

  function prepare(text: string): WeighedDocument {
    const identity = { document: createHash('sha256').update(text).digest('hex').slice(0, HASH_CHARACTERS) };
    const onGrowth = (bytes: number): void => {
      for (const cache of [kept, recent]) {
        const entry = cache.peek(text);
        // It may have been dropped since, and prepared anew.
        if (entry?.identity !== identity) continue;
        cache.delete(text);
        cache.set(text, { ...entry, bytes: entry.bytes + bytes });
      }
    };
    const prepared = prepareSafely(text, identity, judge, onGrowth);
    const own = 'kind' in prepared ? JSON.stringify(prepared.result).length * CHARACTER_BYTES : prepared.bytes;
    return { identity, prepared, bytes: ENTRY_BYTES + text.length * CHARACTER_BYTES + own };
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

/** How documents are judged. */
interface Judge extends Pick<DocumentsOptions, 'schema' | 'limits'> {
  /** The message for a document that asks too much of the schema itself, or null. */
  readonly exceededIntrospection: ReturnType<typeof createIntrospectionLimit>;
  readonly rules: readonly ValidationRule[];
  /** Whether errors keep to themselves which names come close to a wrong one. */
  readonly hideSuggestions: boolean;
  readonly compiler: Compiler | null;
}

/** Parser and validator recurse: what is nested deeper than the stack allows is too complex as well. */
function prepareSafely(
  text: string,
  identity: OperationIdentity,
  judge: Judge,
  onGrowth: (bytes: number) => void,
): PreparedDocument | Outcome {
  try {
    return prepareDocument(text, identity, judge, onGrowth);
  } catch (error) {
    if (error instanceof RangeError) return tooComplex('The document is nested too deeply.');
    throw error;
  }
}

function prepareDocument(
  text: string,
  identity: OperationIdentity,
  { schema, limits, exceededIntrospection, rules, hideSuggestions, compiler }: Judge,
  onGrowth: (bytes: number) => void,
): PreparedDocument | Outcome {
  let document: DocumentNode;
  try {
    document = parse(text, { maxTokens: limits.maxTokens });
  } catch (error) {
    if (!(error instanceof GraphQLError)) throw error;
    if (!error.message.includes('Document contains more that')) return invalid('GRAPHQL_PARSE_FAILED', [error]);
    return tooComplex(`The document has more than ${limits.maxTokens} tokens (MAX_TOKENS).`);
  }
  detachText(document);
  const exceeded = exceededLimit(document, limits) ?? exceededIntrospection(document);
  if (exceeded !== null) return tooComplex(exceeded);
  const unkept = unkeptLiterals(schema, document, text);
  if (unkept.length > 0) return invalid('BAD_USER_INPUT', unkept.slice(0, MAX_ERRORS));
  const errors = validate(schema, document, rules, { maxErrors: MAX_ERRORS, hideSuggestions });
  if (errors.some(({ message }) => message === 'Validation aborted.')) {
    return tooComplex('The document has too many fields with the same name to validate.');
  }
  if (errors.length > 0) return invalid('GRAPHQL_VALIDATION_FAILED', errors);

  const { definitions } = document;
  const rootless = definitions.find(
    (definition) => definition.kind === Kind.OPERATION_DEFINITION && !schema.getRootType(definition.operation),
  ) as OperationDefinitionNode | undefined;
  if (rootless) {
    const error = new GraphQLError(`This API has no ${rootless.operation}s.`, { nodes: rootless });
    return invalid('GRAPHQL_VALIDATION_FAILED', [error]);
  }
  const whole = withoutIncremental(document);
  const isIncremental = whole !== document;
  const setting = {
    schema,
    document: whole,
    fragments: fragmentsOf(whole),
    sent: isIncremental ? { document, fragments: fragmentsOf(document) } : undefined,
    limits,
    coercionOptions: { maxErrors: MAX_VARIABLE_ERRORS, hideSuggestions },
    compiler,
    onGrowth,
  };
  const operations = whole.definitions
    .filter((definition) => definition.kind === Kind.OPERATION_DEFINITION)
    .map((node) => {
      const name = node.name && { name: node.name.value.slice(0, MAX_NAME_CHARACTERS) };
      return new PreparedOperation(node, { ...identity, type: node.operation, ...name }, setting);
    });
  const bytes = (releaseTokens(document) + (isIncremental ? releaseTokens(whole) : 0)) * NODE_BYTES;
  return { document, isIncremental, operations, bytes };
}

/** The operation of a document that a request means. */
export function selectOperation(
  operations: readonly PreparedOperation[],
  name: string | null | undefined,
): PreparedOperation | Outcome {
  const [only] = operations;
  if (name === null || name === undefined || name === '') {
    if (only && operations.length === 1) return only;
    return unresolved(
      only ? 'operationName is needed: the document has several operations.' : 'The document has no operation.',
    );
  }
  const chosen = operations.find(({ node }) => node.name?.value === name);
  return chosen ?? unresolved(`The document has no operation named "${name}".`);
}
