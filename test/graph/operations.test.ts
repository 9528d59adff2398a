import { readdirSync, readFileSync } from 'node:fs';
import {
  type DocumentNode,
  Kind,
  type OperationDefinitionNode,
  parse,
  TypeInfo,
  visit,
  visitWithTypeInfo,
} from 'graphql';
import { beforeEach, describe, expect, it } from 'vitest';
import { buildSchema } from '../../src/graph/schema.ts';
import { postJson, startWithSandbox } from '../helpers/gateway.ts';

const FOLDER = new URL('../../schema/operations/', import.meta.url);
const FILES = readdirSync(FOLDER).filter((name) => name.endsWith('.graphql'));
const read = (file: string): string => readFileSync(new URL(file, FOLDER), 'utf8');

const gateway = await startWithSandbox();
beforeEach(() => {
  // Making the records anew takes longer than most tests.
  const { sandbox } = gateway;
  if (sandbox.requests.splice(0).some(({ method }) => method !== 'GET')) sandbox.reset();
});

function operationsOf(document: DocumentNode): OperationDefinitionNode[] {
  return document.definitions.filter((node) => node.kind === Kind.OPERATION_DEFINITION);
}

/**
 * Objects and lists of an answer by their paths, list indices left out, and other values by their names, and whether
 * anything but null and emptiness stands there.
 */
function collect(value: unknown, path: string, filled: Map<string, boolean>): Map<string, boolean> {
  if (Array.isArray(value)) {
    filled.set(path, filled.get(path) === true || value.length > 0);
    for (const one of value) collect(one, path, filled);
    return filled;
  }
  const key = typeof value === 'object' && value !== null ? path : (path.split('.').at(-1) as string);
  filled.set(key, filled.get(key) === true || (value !== null && value !== ''));
  // What a record has besides its typed fields is its own affair.
  if (typeof value !== 'object' || value === null || path.endsWith('.attributes')) return filled;
  for (const [name, inner] of Object.entries(value)) collect(inner, `${path}.${name}`, filled);
  return filled;
}

/** What is empty when all is well: nobody did anything wrong, and a page may be the last. */
const MAY_BE_EMPTY = /\b(userErrors|endCursor|startCursor|resumeToken)$/;

describe('the example operations', () => {
  it.each(FILES)('%s runs as it stands on the sandbox’s records, and shows something in every field', async (file) => {
    const text = read(file);
    for (const operation of operationsOf(parse(text))) {
      const url = `${gateway.url}/graphql`;
      const response = await postJson(
        url,
        { query: text, operationName: operation.name?.value },
        { accept: 'application/json' },
      );
      const { data, errors } = (await response.json()) as { data: object | null; errors?: unknown };
      expect(errors).toBeUndefined();
      const empty = [...collect(data, 'data', new Map())].filter(([path, is]) => !is && !MAY_BE_EMPTY.test(path));
      expect(empty.map(([path]) => path)).toEqual([]);
    }
  });

  it.each(FILES)('%s says in a comment what it shows, and names its operation', (file) => {
    const text = read(file);
    expect(text).toMatch(/^#\s*\S+/);
    for (const { name } of operationsOf(parse(text))) expect(name?.value).toMatch(/^[A-Z]\w+$/);
  });

  it('have names of their own', () => {
    const names = FILES.flatMap((file) => operationsOf(parse(read(file))).map(({ name }) => name?.value));
    expect(new Set(names).size).toBe(names.length);
  });

  it('read every entity, by its id and as a list, and follow every link', () => {
    const schema = buildSchema();
    const used = new Set<string>();
    for (const file of FILES) {
      const types = new TypeInfo(schema);
      visit(
        parse(read(file)),
        visitWithTypeInfo(types, { Field: ({ name }) => void used.add(`${types.getParentType()}.${name.value}`) }),
      );
    }
    const roots = ['profile', 'content', 'conversion', 'interaction'].flatMap((name) => [name, `${name}s`]);
    const links = ['Profile.conversions', 'Profile.interactions', 'Conversion.profile', 'Interaction.profile'];
    const wanted = [...roots.map((name) => `Query.${name}`), ...links, 'ConversionItem.content'];
    expect(wanted.filter((field) => !used.has(field))).toEqual([]);
  });
});
