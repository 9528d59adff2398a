import type { Row } from '../mutation.ts';

const FIELDS = 'src/datatrics/records/fields.ts';
const MASKING = 'src/datatrics/masking.ts';
const ATTACKS = 'test/server/masking-attacks.test.ts';
const CUSTOM_FIELDS = 'test/server/custom-fields.test.ts';
const MASKED = 'test/server/masking.test.ts';

/** What callers without `pii:read` get to see. */
export const MASKING_ROWS: readonly Row[] = [
  {
    tries: 'personal data in attributes, writes, lists, links',
    mutations: [
      {
        defence: 'who lacks pii:read has a mask',
        file: 'src/datatrics/session.ts',
        find: ': options.settings.masking.for(project, operation);',
        replace: ': undefined;',
        test: [MASKED, 'personal data comes as hashes'],
      },
      {
        defence: 'fields are masked',
        file: FIELDS,
        find: 'return context.mask.field(type, name, field, value);',
        replace: 'return value;',
        test: [MASKED, 'personal data comes as hashes'],
      },
      {
        defence: 'attributes are masked',
        file: FIELDS,
        find: 'return mask?.attributes(type, attributes) ?? attributes;',
        replace: 'return attributes;',
        test: [MASKED, 'personal data comes as hashes'],
      },
      {
        defence: 'attributes of a conversion’s lines are masked',
        file: FIELDS,
        find: 'return mask?.attributes(type, attributes) ?? attributes;',
        replace: "return type === 'ConversionItem' ? attributes : (mask?.attributes(type, attributes) ?? attributes);",
        test: [MASKED, 'hashes are stable within a project'],
      },
      {
        defence: 'objects in attributes are looked into',
        file: MASKING,
        find: 'return isObject ? this.#object(type, value, `${path}.${name}`, levels - 1) : value;',
        replace: 'return value;',
        test: [MASKED, 'personal data comes as hashes'],
      },
      {
        defence: 'lists in attributes are looked into',
        file: MASKING,
        find: 'if (Array.isArray(value)) return value.map((item) => this.#value(type, name, item, path, levels - 1));',
        replace: 'if (Array.isArray(value)) return value;',
        test: [MASKED, 'personal data comes as hashes'],
      },
      {
        defence: 'what lies too deep to be looked into is masked whole',
        file: MASKING,
        find: ' || (isObject && levels === 0)) {',
        replace: ' || (isObject && levels === Number.NEGATIVE_INFINITY)) {',
        test: [ATTACKS, 'what lies deeper than sixteen levels is masked whole'],
      },
      {
        defence: 'names are one in all their spellings',
        file: MASKING,
        find: "return name.toLowerCase().replaceAll(/[^a-z0-9]/g, '');",
        replace: 'return name;',
        test: [MASKED, 'personal data comes as hashes'],
      },
      {
        defence: 'an address is masked under any name',
        file: MASKING,
        find: "if (typeof value === 'string' && isAddress(value)) {",
        replace: "if (typeof value === 'string' && levels < 0) {",
        also: [
          {
            file: MASKING,
            find: "    if (typeof value === 'string') {\n      const text = this.text(value);",
            replace: "    if (typeof value === 'string') {\n      const text = value;",
          },
        ],
        test: [MASKED, 'personal data comes as hashes'],
      },
      {
        defence: 'an address with blanks around it is one',
        file: MASKING,
        find: "if (typeof value === 'string' && isAddress(value)) {",
        replace: "if (typeof value === 'string' && levels < 0) {",
        test: [ATTACKS, 'an address is found wherever it stands in attributes (hash)'],
      },
      {
        defence: 'an address within other text is masked',
        file: MASKING,
        find: "    if (typeof value === 'string') {\n      const text = this.text(value);",
        replace: "    if (typeof value === 'string') {\n      const text = value;",
        test: [ATTACKS, 'an address is found wherever it stands in attributes (hash)'],
      },
      {
        defence: 'an address in a link is masked',
        file: MASKING,
        find: 'const AT = /@|%40/g;',
        replace: 'const AT = /@/g;',
        test: [ATTACKS, 'an address is found wherever it stands in attributes (hash)'],
      },
      {
        defence: 'all of an address with an apostrophe is',
        file: MASKING,
        find: ' || (text[index] === "\'" && index > from && !isBound(text, index - 1));',
        replace: ';',
        test: [ATTACKS, 'an address is found wherever it stands in attributes (hash)'],
      },
      {
        defence: 'no text takes long to be looked through',
        file: MASKING,
        find: '    for (const { 0: at, index } of value.matchAll(AT)) {',
        replace:
          '    if (/@|%40/.test(value)) return value.replace(/[^\\s@%<>()[\\]{}"`,;:=&?\\/]{1,128}(?:@|%40)[^\\s@%<>]{1,250}/g, () => "***");\n    for (const { 0: at, index } of value.matchAll(AT)) {',
        test: [ATTACKS, 'text that was made to take long to look through is masked in no time'],
      },
      {
        defence: 'an address as a name is masked',
        file: MASKING,
        find: 'const name = this.text(originalName);',
        replace: 'const name = originalName;',
        test: [ATTACKS, 'an address is found wherever it stands in attributes (hash)'],
      },
      {
        defence: 'an address in a declared field is masked',
        file: MASKING,
        find: '    if (custom !== true) return value;\n',
        replace: '    if (custom !== undefined) return value;\n',
        test: [CUSTOM_FIELDS, 'what is declared personal, named by PII_FIELDS, or an address comes masked'],
      },
      {
        defence: 'a number or a time that is personal is null',
        file: MASKING,
        find: "return kind === 'text' && typeof value === 'string' ? (this.#cover(value) as T | null) : null;",
        replace: "return kind === 'text' && typeof value === 'string' ? (this.#cover(value) as T | null) : value;",
        test: [CUSTOM_FIELDS, 'what is declared personal, named by PII_FIELDS, or an address comes masked'],
      },
      {
        defence: 'persons named in a line are masked',
        file: MASKING,
        find: 'this.#ofLines = new Set([...PERSONAL_IN_LINES, ...this.#extra]);',
        replace: 'this.#ofLines = new Set(this.#extra);',
        test: [ATTACKS, 'a person named in a line of a conversion is masked'],
      },
      {
        defence: 'what the settings name is personal',
        file: MASKING,
        find: 'this.#extra = new Set(options.fields.map(normalize));',
        replace: 'this.#extra = new Set();',
        test: [MASKED, 'personal data comes as hashes'],
      },
      {
        defence: 'the API’s own words about a write are masked',
        file: 'src/graph/mutations.ts',
        find: 'message: mask.text(problem.message)',
        replace: 'message: problem.message',
        test: [ATTACKS, 'the API’s words about a refused write tell no address'],
      },
      {
        defence: 'a hash can’t be made without the key',
        file: MASKING,
        find: "createHmac('sha256', key)",
        replace: "createHmac('sha256', 'no key')",
        test: [ATTACKS, 'is hashed with the key of the settings'],
      },
      {
        defence: 'a hash of one project tells nothing in another',
        file: MASKING,
        find: 'this.#masking.hash(key, `${this.#project}\\n${text}`)',
        replace: 'this.#masking.hash(key, text)',
        test: ['test/auth/tenancy.test.ts', 'hashes of one project tell nothing in another'],
      },
      {
        defence: 'a hash without a key is none',
        file: 'src/config/rules.ts',
        find: "if (values.PII_MASK === 'hash' && !has('PII_KEY')) {",
        replace: "if (values.PII_MASK === 'hash' && values.PII_KEY === '') {",
        test: ['test/config.test.ts', 'needs a way in, and the key of its hashes'],
      },
    ],
  },
];
