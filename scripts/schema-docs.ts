import {
  astFromValue,
  type GraphQLArgument,
  type GraphQLField,
  type GraphQLInputField,
  type GraphQLInputType,
  type GraphQLNamedType,
  type GraphQLSchema,
  type GraphQLType,
  isEnumType,
  isInputObjectType,
  isInterfaceType,
  isListType,
  isNonNullType,
  isObjectType,
  isScalarType,
  isSpecifiedScalarType,
  isUnionType,
  print,
} from 'graphql';

/** Returns the keyword in front of a type's name in its heading. It keeps the anchors of `profile` and `Profile` apart. */
function keywordOf(type: GraphQLNamedType): string {
  if (isEnumType(type)) return 'enum';
  if (isInputObjectType(type)) return 'input';
  if (isInterfaceType(type)) return 'interface';
  if (isUnionType(type)) return 'union';
  return isScalarType(type) ? 'scalar' : 'type';
}

function linkTo(type: GraphQLNamedType): string {
  if (isScalarType(type) && isSpecifiedScalarType(type)) return type.name;
  return `[${type.name}](#${keywordOf(type)}-${type.name.toLowerCase()})`;
}

/** Returns a type in SDL notation, with its name as a link. */
function renderType(type: GraphQLType): string {
  if (isNonNullType(type)) return `${renderType(type.ofType)}!`;
  if (isListType(type)) return `\\[${renderType(type.ofType)}\\]`;
  return linkTo(type);
}

/** Returns text for a table cell: on one line, with pipes escaped. */
function inCell(text: string | null | undefined): string {
  return (text ?? '')
    .trim()
    .replaceAll(/\s*\n\s*/g, ' ')
    .replaceAll('|', '\\|');
}

function renderArgument(arg: GraphQLArgument | GraphQLInputField): string {
  const literal = astFromValue(arg.defaultValue, arg.type as GraphQLInputType);
  const fallback = literal ? ` = \`${print(literal)}\`` : '';
  return `\`${arg.name}\`: ${renderType(arg.type)}${fallback}`;
}

function renderArguments(args: readonly GraphQLArgument[]): string {
  if (args.length === 0) return '';
  const rows = args.map((arg) => `| ${renderArgument(arg)} | ${inCell(arg.description)} |`);
  return `\n| Argument | Meaning |\n|---|---|\n${rows.join('\n')}\n`;
}

function renderRoot(keyword: 'query' | 'mutation', field: GraphQLField<unknown, unknown>): string {
  const description = field.description ? `${field.description}\n\n` : '';
  return `### ${keyword} ${field.name}\n\n${description}Returns ${renderType(field.type)}.\n${renderArguments(field.args)}`;
}

function renderField(field: GraphQLField<unknown, unknown>): string {
  const args = field.args.map((arg) => `<br>${renderArgument(arg)}: ${inCell(arg.description)}`).join('');
  return `| \`${field.name}\` | ${renderType(field.type)} | ${inCell(field.description)}${args} |`;
}

function renderBody(type: GraphQLNamedType): string {
  if (isEnumType(type)) {
    const rows = type.getValues().map(({ name, description }) => `| \`${name}\` | ${inCell(description)} |`);
    return `| Value | Meaning |\n|---|---|\n${rows.join('\n')}\n`;
  }
  if (isInputObjectType(type)) {
    const rows = Object.values(type.getFields()).map(
      (field) => `| ${renderArgument(field)} | ${inCell(field.description)} |`,
    );
    return `| Field | Meaning |\n|---|---|\n${rows.join('\n')}\n`;
  }
  if (isUnionType(type)) return `One of ${type.getTypes().map(linkTo).join(', ')}.\n`;
  if (isObjectType(type) || isInterfaceType(type)) {
    const rows = Object.values(type.getFields()).map(renderField);
    return `| Field | Type | Meaning |\n|---|---|---|\n${rows.join('\n')}\n`;
  }
  return isScalarType(type) && type.specifiedByURL ? `Specified by <${type.specifiedByURL}>.\n` : '';
}

function renderNamed(type: GraphQLNamedType): string {
  const description = type.description ? `${type.description}\n\n` : '';
  return `### ${keywordOf(type)} ${type.name}\n\n${description}${renderBody(type)}`;
}

/** Renders `docs/schema.md`: every operation and type, with the descriptions of the SDL. */
export function renderSchemaDocs(schema: GraphQLSchema): string {
  const roots = [schema.getQueryType(), schema.getMutationType()];
  const [queries, mutations] = roots.map((type) => Object.values(type?.getFields() ?? {}));
  const types = Object.values(schema.getTypeMap())
    .filter((type) => !type.name.startsWith('__') && !roots.some((root) => root === type))
    .filter((type) => !isScalarType(type) || !isSpecifiedScalarType(type))
    .sort((a, b) => a.name.localeCompare(b.name, 'en'));
  const section = (title: string, keyword: string): string => {
    const parts = types.filter((type) => keywordOf(type) === keyword).map(renderNamed);
    return parts.length === 0 ? '' : `## ${title}\n\n${parts.join('\n')}\n`;
  };
  const sections = [
    `## Queries\n\n${(queries ?? []).map((field) => renderRoot('query', field)).join('\n')}\n`,
    `## Mutations\n\n${(mutations ?? []).map((field) => renderRoot('mutation', field)).join('\n')}\n`,
    section('Interfaces', 'interface'),
    section('Unions', 'union'),
    section('Types', 'type'),
    section('Inputs', 'input'),
    section('Enums', 'enum'),
    section('Scalars', 'scalar'),
  ];
  return `# Schema

_Generated by \`npm run codegen\` from the schema._

All operations and types. A field without \`!\` may be null. A field that can fail on its own is nullable, so that one
record's failure leaves the rest. The same schema as SDL: \`schema/gateway.graphql\`.

${sections.filter(Boolean).join('\n').trimEnd()}
`;
}
