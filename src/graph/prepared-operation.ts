import type { DocumentNode, GraphQLSchema, getVariableValues, OperationDefinitionNode } from 'graphql';
import { Selection } from '../datatrics/json-selection.ts';
import { type Compiler, type Executor, interpret } from './compile.ts';
import { countSelections } from './document-limits.ts';
import { type OperationFacts, studyOperation } from './operation-facts.ts';
import { createCoercion } from './operation-variables.ts';
import { createPlanner, type Planner, type PlannerLimits } from './plan.ts';
import { maskedPaths, type Variables } from './selections.ts';

/** Identifies an operation without its text, for example in a log. */
export interface OperationIdentity {
  /** First characters of the document's SHA-256, hexadecimal. */
  readonly document: string;
  /** Undefined when the document is invalid or the operation has no name. */
  readonly name?: string;
  readonly type?: 'query' | 'mutation' | 'subscription';
}

/** Options that all operations of one document share. */
interface OperationOptions {
  readonly schema: GraphQLSchema;
  readonly document: DocumentNode;
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
/** Bytes of a prepared operation, besides those for each selection. */
const OPERATION_BYTES = 2_048;
const SELECTION_BYTES = 128;
const COMPILED_SELECTION_BYTES = 2_048;
/** Maximum length of an operation's name in its identity, because clients choose the name. */
const MAX_NAME_CHARACTERS = 64;

/** One operation of a valid document, ready to be checked. It creates its executor when it runs. */
export class PreparedOperation {
  readonly node: OperationDefinitionNode;
  readonly document: DocumentNode;
  readonly identity: OperationIdentity;
  readonly facts: OperationFacts;
  readonly estimate: Planner;
  readonly coerce: ReturnType<typeof createCoercion>;
  /** Moving average of the REST calls in earlier runs, as a share of the estimate: 0 to 1. */
  expectedShare = 0;
  /** The record fields that the operation may read. Undefined until it is compiled: all. */
  selection: Selection | undefined;
  readonly #schema: GraphQLSchema;
  #executor: Executor;
  /** Undefined when the operation is compiled, or cannot be. */
  #compile: (() => Executor) | undefined;
  #hasRun = false;

  /** @param hash of the document */
  constructor(node: OperationDefinitionNode, hash: string, options: OperationOptions) {
    const { schema, document, compiler, onGrowth } = options;
    const name = node.name?.value.slice(0, MAX_NAME_CHARACTERS);
    this.node = node;
    this.document = document;
    this.identity = { document: hash, type: node.operation, ...(name && { name }) };
    this.facts = studyOperation(schema, document, node);
    this.estimate = createPlanner(schema, node, this.facts, options.limits);
    this.coerce = createCoercion(schema, node, options.coercionOptions);
    this.#schema = schema;
    const interpreted = interpret(schema, document, node);
    this.#executor = interpreted;
    const selections = countSelections(node, this.facts.fragments);
    if (compiler !== null && this.facts.isCompilable && selections <= MAX_COMPILED_SELECTIONS) {
      const onCompiled = (): void => onGrowth(selections * COMPILED_SELECTION_BYTES);
      this.#compile = () => compiler(node, this.facts, interpreted, onCompiled);
    }
    onGrowth(OPERATION_BYTES + SELECTION_BYTES * selections);
  }

  maskedPaths(masked: ReadonlySet<string>, variables: Variables): string[] {
    return maskedPaths({ schema: this.#schema, fragments: this.facts.fragments, variables }, this.node, masked);
  }

  /**
   * Returns the executor for this run. The second run compiles the operation: compiling costs as much as some dozens of runs
   * save, so a flood of documents that each run once must not compile.
   */
  executor(): Executor {
    if (this.#compile && this.#hasRun) {
      this.#executor = this.#compile();
      this.#compile = undefined;
      this.selection = new Selection(this.facts.reads);
    }
    this.#hasRun = true;
    return this.#executor;
  }
}
