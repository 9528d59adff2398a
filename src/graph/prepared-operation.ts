import {
  type DocumentNode,
  type FragmentDefinitionNode,
  type GraphQLSchema,
  getOperationAST,
  type getVariableValues,
  type OperationDefinitionNode,
} from 'graphql';
import { Selection } from '../datatrics/json-selection.ts';
import { type Compiler, type Executor, interpret } from './compile.ts';
import { type Access, createAccess } from './document-scopes.ts';
import { usedFragments } from './fragments.ts';
import { countSelections } from './limits.ts';
import { type OperationFacts, studyOperation } from './operation-facts.ts';
import { createPlanner, type Planner, type PlannerLimits } from './plan.ts';
import { createCoercion } from './variables.ts';

/** Identifies an operation without its text, for example in a log. */
export interface OperationIdentity {
  /** First characters of the document's SHA-256, hexadecimal. */
  readonly document: string;
  /** Undefined when the document is invalid or the operation has no name. */
  readonly name?: string;
  readonly type?: 'query' | 'mutation' | 'subscription';
}

/** Options that all operations of one document share. */
export interface OperationOptions {
  readonly schema: GraphQLSchema;
  /** Without `@defer` and `@stream`. */
  readonly document: DocumentNode;
  readonly fragments: ReadonlyMap<string, FragmentDefinitionNode>;
  /** The original document; undefined when it has neither `@defer` nor `@stream`. */
  readonly sent: Pick<OperationOptions, 'document' | 'fragments'> | undefined;
  readonly limits: PlannerLimits;
  readonly coercionOptions: NonNullable<Parameters<typeof getVariableValues>[3]>;
  /** Null when operations are not compiled. */
  readonly compiler: Compiler | null;
  /** Called with the number of bytes by which the document's memory grew. */
  readonly onGrowth: (bytes: number) => void;
}

/**
 * Maximum number of selections, with fragments counted at each spread, of an operation that is compiled. The time to compile
 * grows with them.
 */
const MAX_COMPILED_SELECTIONS = 1_000;
/** Bytes of a planner and its estimates, besides those for each selection. */
const PLANNED_BYTES = 2_048;
const PLANNED_SELECTION_BYTES = 128;
const COMPILED_SELECTION_BYTES = 2_048;

/** One operation of a valid document. It creates the planner, the executor and the rest on first use. */
export class PreparedOperation {
  readonly node: OperationDefinitionNode;
  readonly identity: OperationIdentity;
  /** Moving average of the REST calls in earlier runs, as a share of the estimate: 0 to 1. */
  expectedShare = 0;
  /** The record fields that the operation may read. Undefined until it is compiled: all. */
  selection: Selection | undefined;
  readonly #options: OperationOptions;
  #runs = 0;
  #executor: Executor | undefined;
  #used: ReadonlyMap<string, FragmentDefinitionNode> | undefined;
  #facts: OperationFacts | undefined;
  #planner: Planner | undefined;
  #access: Access | undefined;
  #coerce: ReturnType<typeof createCoercion> | undefined;

  constructor(node: OperationDefinitionNode, identity: OperationIdentity, options: OperationOptions) {
    this.node = node;
    this.identity = identity;
    this.#options = options;
  }

  /** Facts that do not depend on variables. */
  get facts(): OperationFacts {
    this.#facts ??= studyOperation(this.#options.schema, this.node, this.#fragments);
    return this.#facts;
  }

  get planner(): Planner {
    if (this.#planner === undefined) {
      const { schema, limits, sent, onGrowth } = this.#options;
      const asSent = sent && getOperationAST(sent.document, this.node.name?.value);
      this.#planner = asSent
        ? createPlanner(schema, asSent, sent.fragments, studyOperation(schema, asSent, sent.fragments), limits)
        : createPlanner(schema, this.node, this.#fragments, this.facts, limits);
      onGrowth(PLANNED_BYTES + PLANNED_SELECTION_BYTES * countSelections(this.node, this.#fragments));
    }
    return this.#planner;
  }

  get access(): Access {
    this.#access ??= createAccess(this.#options.schema, this.node, this.#fragments, this.facts);
    return this.#access;
  }

  get coerce(): ReturnType<typeof createCoercion> {
    this.#coerce ??= createCoercion(this.#options.schema, this.node, this.#options.coercionOptions);
    return this.#coerce;
  }

  /**
   * Returns the executor for this run. The second run compiles the operation: compiling costs as much as some dozens of runs
   * save, so a flood of documents that each run once must not compile.
   */
  executor(): Executor {
    this.#runs += 1;
    if (this.#executor) return this.#executor;
    const { schema, document, compiler, onGrowth } = this.#options;
    const interpreted = interpret(schema, document, this.node);
    if (this.#runs === 1 || compiler === null) return interpreted;
    const selections = countSelections(this.node, this.#fragments);
    this.#executor =
      selections > MAX_COMPILED_SELECTIONS
        ? interpreted
        : compiler(this.node, [...this.#fragments.values()], this.facts, interpreted, () =>
            onGrowth(selections * COMPILED_SELECTION_BYTES),
          );
    if (this.#executor !== interpreted) this.selection = new Selection(this.facts.reads);
    return this.#executor;
  }

  /** The fragments that the operation spreads, directly or through other fragments. */
  get #fragments(): ReadonlyMap<string, FragmentDefinitionNode> {
    this.#used ??= usedFragments(this.node, this.#options.fragments);
    return this.#used;
  }
}
