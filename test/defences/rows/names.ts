import type { Row } from '../mutation.ts';

const ATTACKS = 'test/e2e/attacks.e2e.test.ts';
const COMPILE = 'test/graph/compile.test.ts';
const MASKING_ATTACKS = 'test/server/masking-attacks.test.ts';

/** Names that JavaScript's own objects have. */
export const NAMES: readonly Row[] = [
  {
    tries: '`__proto__`, `constructor` and the like for names, ids and keys',
    mutations: [
      {
        defence: 'what has such a name is not compiled',
        file: 'src/graph/operation-facts.ts',
        find: "new Set(['__schema', '__type', '__proto__'])",
        replace: "new Set(['__schema', '__type'])",
        test: [COMPILE, 'names of JavaScript’s own: { __proto__: profile'],
      },
      {
        defence: 'attributes that are written',
        file: 'src/datatrics/encode.ts',
        find: 'if (!reserved.has(name)) setOwn(values, name, value);',
        replace: 'if (!reserved.has(name)) values[name] = value;',
        test: [ATTACKS, 'does not pollute prototypes by attributes'],
      },
      {
        defence: 'attributes that are read',
        file: 'src/datatrics/records/fields.ts',
        find: 'const attributes: Record<string, unknown> = Object.create(null);',
        replace: 'const attributes: Record<string, unknown> = {};',
        test: [ATTACKS, 'does not pollute prototypes by attributes'],
      },
      {
        defence: 'attributes that are masked',
        file: 'src/datatrics/masking.ts',
        find: 'const result: Record<string, unknown> = Object.create(null);',
        replace: 'const result: Record<string, unknown> = {};',
        test: [MASKING_ATTACKS, 'attributes named like what JavaScript’s objects have are masked as any other'],
      },
      {
        defence: 'ids of documents',
        file: 'src/server/trusted-documents.ts',
        find: "(documents.get(id) ?? documents.get(id.slice(id.indexOf(':') + 1)));",
        replace: '(Object.fromEntries(documents) as Record<string, string>)[id];',
        test: ['test/limits/documents.test.ts', 'answers like a validation error, with documents allowed'],
      },
      {
        defence: 'types in global ids',
        file: 'src/datatrics/keys.ts',
        find: '  const resource = ENTITY_TYPES.get(typeName);',
        replace: '  const resource = (Object.fromEntries(ENTITY_TYPES) as Record<string, Resource>)[typeName];',
        also: [
          {
            file: 'src/datatrics/keys.ts',
            find: '  return encodeGlobalId(project, key) === globalId ? key : null;',
            replace: '  return key;',
          },
        ],
        test: ['test/graph/ids.test.ts', 'an id with a member of objects for a type'],
      },
      {
        defence: 'types that a router names',
        file: 'src/graph/representation.ts',
        find: 'ENTITY_TYPES.get(given.__typename as string);',
        replace: '(Object.fromEntries(ENTITY_TYPES) as Record<string, Resource>)[given.__typename as string];',
        test: ['test/graph/subgraph.test.ts', 'that are malformed or incomplete are null alone'],
      },
    ],
  },
  {
    tries: 'literals that the compiled engine would turn into JavaScript',
    mutations: [
      {
        defence: 'a compiled document has no literals',
        file: 'src/graph/parameterize.ts',
        find: 'if (argument) return { ...node, value: variableFor(argument, node.value) };',
        replace:
          'if (argument) return hasVariable(node.value) ? { ...node, value: variableFor(argument, node.value) } : node;',
        test: [COMPILE, 'a literal that the compiler would turn into code'],
      },
    ],
  },
];
