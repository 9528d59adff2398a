import { createHash } from 'node:crypto';
import {
  type DocumentNode,
  type FragmentDefinitionNode,
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
import type { Selection } from '../datatrics/selection.ts';
import { type Access, createAccess } from './access.ts';
import type { Executor } from './compile.ts';
import { createIntrospectionLimit } from './introspection.ts';
import { type DocumentLimits, exceededLimit } from './limits.ts';
import { createLocate, detachText } from './locations.ts';
import { unkeptLiterals } from './number-literals.ts';
import { invalid, type Outcome, tooComplex, unresolved } from './outcome.ts';
import { createPlanner, type Planner, type PlannerLimits } from './plan.ts';
import { createCoercion } from './variables.ts';

export interface DocumentsOptions {
  readonly schema: GraphQLSchema;
  readonly limits: DocumentLimits & PlannerLimits;
  /** Whether the schema can be asked for. Default: true. */
  readonly introspection?: boolean;
  /** Characters of document text that the cache of prepared documents holds at most. Default: 8 Mi. */
  readonly maxCachedCharacters?: number;
}

/** What an operation is called where its text can not stand, as in a log. */
export interface OperationIdentity {
  /** Start of the document's SHA-256, hexadecimal. */
  readonly document: string;
  /** Undefined: the document can not run, or the operation has no name. */
  readonly name?: string;
  readonly type?: 'query' | 'mutation' | 'subscription';
}

/** A document as the cache holds it. */
export interface CachedDocument {
  readonly identity: OperationIdentity;
  readonly prepared: PreparedDocument | Outcome;
}

/** All that can be known of a document by its text. */
export interface PreparedDocument {
  readonly document: DocumentNode;
  readonly fragments: ReadonlyMap<string, FragmentDefinitionNode>;
  readonly operations: readonly PreparedOperation[];
}

export interface PreparedOperation {
  readonly node: OperationDefinitionNode;
  readonly identity: OperationIdentity;
  readonly planner: Planner;
  readonly access: Access;
  readonly coerce: ReturnType<typeof createCoercion>;
  /** Times that it ran. */
  runs: number;
  /** REST calls that it makes, as a share of its estimate, by what it made before. */
  expectedShare: number;
  executor: Executor | undefined;
  /** Made together with a compiled executor. */
  selection: Selection | undefined;
}

/** More errors than this in one document or set of variables tell a developer nothing. */
const MAX_ERRORS = 20;
/** Of a document's hash, enough to tell documents apart. */
const HASH_CHARACTERS = 16;
/** Of an operation's name, whatever a client calls it. */
const MAX_NAME_CHARACTERS = 64;

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
    rules: hideSuggestions ? [...specifiedRules, NoSchemaIntrospectionCustomRule] : specifiedRules,
    hideSuggestions,
  };
  const maxSize = options.maxCachedCharacters ?? 8 * 1024 * 1024;
  const createCache = (share: number): LRUCache<string, CachedDocument> =>
    new LRUCache({ maxSize: Math.ceil(maxSize * share), sizeCalculation: (_value, text) => text.length + 1 });
  const kept = createCache(1 - NEW_SHARE);
  const recent = createCache(NEW_SHARE);

  return (text, keep) => {
    const known = kept.get(text);
    if (known) return known;
    let entry = recent.get(text);
    if (entry === undefined) {
      const identity = { document: createHash('sha256').update(text).digest('hex').slice(0, HASH_CHARACTERS) };
      entry = { identity, prepared: prepareSafely(text, identity, judge) };
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
}

/** Parser and validator recurse: what is nested deeper than the stack allows is too complex as well. */
function prepareSafely(text: string, identity: OperationIdentity, judge: Judge): PreparedDocument | Outcome {
  try {
    return prepareDocument(text, identity, judge);
  } catch (error) {
    if (error instanceof RangeError) return tooComplex('The document is nested too deeply.');
    throw error;
  }
}

function prepareDocument(
  text: string,
  identity: OperationIdentity,
  { schema, limits, exceededIntrospection, rules, hideSuggestions }: Judge,
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
  const locate = createLocate(text);
  const exceeded = exceededLimit(document, limits) ?? exceededIntrospection(document);
  if (exceeded !== null) return tooComplex(exceeded);
  const unkept = unkeptLiterals(schema, document, text);
  if (unkept.length > 0) return invalid('BAD_USER_INPUT', unkept.slice(0, MAX_ERRORS), locate);
  const errors = validate(schema, document, rules, { maxErrors: MAX_ERRORS, hideSuggestions });
  if (errors.length > 0) return invalid('GRAPHQL_VALIDATION_FAILED', errors, locate);

  const { definitions } = document;
  const rootless = definitions.find(
    (definition) => definition.kind === Kind.OPERATION_DEFINITION && !schema.getRootType(definition.operation),
  ) as OperationDefinitionNode | undefined;
  if (rootless) {
    const error = new GraphQLError(`This API has no ${rootless.operation}s.`, { nodes: rootless });
    return invalid('GRAPHQL_VALIDATION_FAILED', [error], locate);
  }
  const fragments = new Map(
    definitions
      .filter((definition) => definition.kind === Kind.FRAGMENT_DEFINITION)
      .map((fragment) => [fragment.name.value, fragment]),
  );
  const operations = definitions
    .filter((definition) => definition.kind === Kind.OPERATION_DEFINITION)
    .map((node) => ({
      node,
      identity: {
        ...identity,
        type: node.operation,
        ...(node.name && { name: node.name.value.slice(0, MAX_NAME_CHARACTERS) }),
      },
      planner: createPlanner(schema, node, fragments, limits),
      access: createAccess(schema, node, fragments),
      coerce: createCoercion(schema, node, { maxErrors: MAX_ERRORS, hideSuggestions }),
      runs: 0,
      expectedShare: 0,
      executor: undefined,
      selection: undefined,
    }));
  return { document, fragments, operations };
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
