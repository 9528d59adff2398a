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

/** What an operation is called where its text can not stand, as in a log. */
export interface OperationIdentity {
  /** Start of the document's SHA-256, hexadecimal. */
  readonly document: string;
  /** Undefined: the document can not run, or the operation has no name. */
  readonly name?: string;
  readonly type?: 'query' | 'mutation' | 'subscription';
}

/** What the operations of one document share. */
export interface OperationSetting {
  readonly schema: GraphQLSchema;
  /** Without `@defer` and `@stream`. */
  readonly document: DocumentNode;
  readonly fragments: ReadonlyMap<string, FragmentDefinitionNode>;
  /** As it was sent, where that has `@defer` or `@stream`. */
  readonly sent: Pick<OperationSetting, 'document' | 'fragments'> | undefined;
  readonly limits: PlannerLimits;
  readonly coercionOptions: NonNullable<Parameters<typeof getVariableValues>[3]>;
  /** Null: operations are never compiled. */
  readonly compiler: Compiler | null;
  /** Called with the bytes by which the memory of the document has grown. */
  readonly onGrowth: (bytes: number) => void;
}

/** Selections, fragments spread, of the largest operation that is compiled: the time for it grows with them. */
const MAX_COMPILED_SELECTIONS = 1_000;
/** Bytes that a planner and its estimates take, besides those for each selection. */
const PLANNED_BYTES = 2_048;
const PLANNED_SELECTION_BYTES = 128;
const COMPILED_SELECTION_BYTES = 2_048;

/** One operation of a document that is valid. What a request needs of it is made with the first request that needs it. */
export class PreparedOperation {
  readonly node: OperationDefinitionNode;
  readonly identity: OperationIdentity;
  /** REST calls that it makes, as a share of its estimate, by what it made before. */
  expectedShare = 0;
  /** What it may read of the records; undefined before it is compiled: all. */
  selection: Selection | undefined;
  readonly #setting: OperationSetting;
  #runs = 0;
  #executor: Executor | undefined;
  #used: ReadonlyMap<string, FragmentDefinitionNode> | undefined;
  #facts: OperationFacts | undefined;
  #planner: Planner | undefined;
  #access: Access | undefined;
  #coerce: ReturnType<typeof createCoercion> | undefined;

  constructor(node: OperationDefinitionNode, identity: OperationIdentity, setting: OperationSetting) {
    this.node = node;
    this.identity = identity;
    this.#setting = setting;
  }

  /** What its text alone tells. */
  get facts(): OperationFacts {
    this.#facts ??= studyOperation(this.#setting.schema, this.node, this.#fragments);
    return this.#facts;
  }

  get planner(): Planner {
    if (this.#planner === undefined) {
      const { schema, limits, sent, onGrowth } = this.#setting;
      const asSent = sent && getOperationAST(sent.document, this.node.name?.value);
      this.#planner = asSent
        ? createPlanner(schema, asSent, sent.fragments, studyOperation(schema, asSent, sent.fragments), limits)
        : createPlanner(schema, this.node, this.#fragments, this.facts, limits);
      onGrowth(PLANNED_BYTES + PLANNED_SELECTION_BYTES * countSelections(this.node, this.#fragments));
    }
    return this.#planner;
  }

  get access(): Access {
    this.#access ??= createAccess(this.#setting.schema, this.node, this.#fragments, this.facts);
    return this.#access;
  }

  get coerce(): ReturnType<typeof createCoercion> {
    this.#coerce ??= createCoercion(this.#setting.schema, this.node, this.#setting.coercionOptions);
    return this.#coerce;
  }

  /**
   * How it runs this time. It is compiled when it comes the second time: compiling costs as much as some dozens of runs
   * save, and a flood of documents that come once must not pay it.
   */
  executor(): Executor {
    this.#runs += 1;
    if (this.#executor) return this.#executor;
    const { schema, document, compiler, onGrowth } = this.#setting;
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

  /** The fragments that it spreads, directly or by another. */
  get #fragments(): ReadonlyMap<string, FragmentDefinitionNode> {
    this.#used ??= usedFragments(this.node, this.#setting.fragments);
    return this.#used;
  }
}
