import {
  type GraphQLInputObjectType,
  type GraphQLInputType,
  isEnumType,
  isInputObjectType,
  isListType,
  isNonNullType,
  isRequiredInputField,
  valueFromASTUntyped,
} from 'graphql';

/** https://json-schema.org/draft/2020-12 */
export type JsonSchema = Readonly<Record<string, unknown>>;

const SCALARS: Readonly<Record<string, JsonSchema>> = {
  ID: { type: 'string' },
  String: { type: 'string' },
  Int: { type: 'integer', minimum: -(2 ** 31), maximum: 2 ** 31 - 1 },
  Float: { type: 'number' },
  Boolean: { type: 'boolean' },
  DateTime: { type: 'string', format: 'date-time' },
  JSONObject: { type: 'object' },
};

/** Converts a GraphQL input type to JSON Schema. Input objects are inlined, without `$ref`. */
export function schemaOfInput(type: GraphQLInputType): JsonSchema {
  return isNonNullType(type) ? schemaOf(type.ofType, []) : nullable(schemaOf(type, []));
}

function schemaOf(type: GraphQLInputType, above: readonly GraphQLInputObjectType[]): JsonSchema {
  if (isNonNullType(type)) return schemaOf(type.ofType, above);
  if (isListType(type)) {
    const { ofType } = type;
    const items = schemaOf(ofType, above);
    return { type: 'array', items: isNonNullType(ofType) ? items : nullable(items) };
  }
  if (isEnumType(type)) {
    const lines = type.getValues().map(({ name, description }) => (description ? `${name}: ${description}` : name));
    return { type: 'string', enum: type.getValues().map(({ name }) => name), description: lines.join('\n') };
  }
  if (!isInputObjectType(type)) return SCALARS[type.name] ?? {};
  // A recursive type cannot be inlined. The gateway validates the deeper levels when the tool runs.
  if (above.includes(type)) return { type: 'object' };
  const fields = Object.values(type.getFields());
  const properties = fields.map((field) => {
    const own = schemaOf(field.type, [...above, type]);
    const schema = isNonNullType(field.type) ? own : nullable(own);
    return [
      field.name,
      {
        ...schema,
        ...(field.description && { description: field.description }),
        ...(field.astNode?.defaultValue
          ? { default: valueFromASTUntyped(field.astNode.defaultValue) }
          : field.defaultValue !== undefined && { default: field.defaultValue }),
      },
    ];
  });
  const required = fields.filter(isRequiredInputField).map(({ name }) => name);
  return {
    type: 'object',
    properties: Object.fromEntries(properties),
    ...(required.length > 0 && { required }),
    additionalProperties: false,
  };
}

function nullable(schema: JsonSchema): JsonSchema {
  if (typeof schema.type !== 'string') return schema;
  const values = schema.enum as readonly unknown[] | undefined;
  return { ...schema, type: [schema.type, 'null'], ...(values && { enum: [...values, null] }) };
}
