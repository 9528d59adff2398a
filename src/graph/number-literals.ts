import {
  type DocumentNode,
  type FloatValueNode,
  GraphQLError,
  type GraphQLSchema,
  getNamedType,
  type IntValueNode,
  isScalarType,
  Kind,
  TypeInfo,
  type ValueNode,
  visit,
  visitWithTypeInfo,
} from 'graphql';
import { isKept } from '../lib/digits.ts';

type NumberNode = IntValueNode | FloatValueNode;

/** Matches 16 digits or a three-digit exponent. A double can represent every number in a text without a match. */
const LONG_NUMBER = /[\d.]{16}|[eE][+-]?\d{3}/;

/**
 * Returns an error for each number literal that a double cannot represent and that GraphQL would round: as `Int` and `Float`,
 * and inside a `JSONObject`. Elsewhere such a number stays text, or is not a valid value of the type.
 */
export function unkeptLiterals(schema: GraphQLSchema, document: DocumentNode, text: string): GraphQLError[] {
  if (!LONG_NUMBER.test(text)) return [];
  const errors: GraphQLError[] = [];
  const check = (node: NumberNode): void => {
    if (isKept(node.value)) return;
    const message = `The number ${shorten(node.value)} cannot be represented exactly. Where a string is allowed, send it as a string.`;
    errors.push(new GraphQLError(message, { nodes: node }));
  };
  const types = new TypeInfo(schema);
  const typeName = (): string | undefined => getNamedType(types.getInputType())?.name;
  const checkNumber = (node: NumberNode): void => {
    const name = typeName();
    if (name === 'Int' || name === 'Float') check(node);
  };
  visit(
    document,
    visitWithTypeInfo(types, {
      IntValue: checkNumber,
      FloatValue: checkNumber,
      ObjectValue(node) {
        if (!isScalarType(getNamedType(types.getInputType()))) return undefined;
        if (typeName() === 'JSONObject') visit(node, { IntValue: check, FloatValue: check });
        // Does not visit the members: they have no GraphQL types.
        return false;
      },
    }),
  );
  return errors;
}

/** Replaces the integers in a literal that a double cannot represent with strings. For scalars that accept any value. */
export function withTextNumbers(literal: ValueNode): ValueNode {
  return visit(literal, {
    IntValue: ({ value }) => (isKept(value) ? undefined : { kind: Kind.STRING, value }),
  });
}

function shorten(text: string): string {
  return text.length > 40 ? `${text.slice(0, 40)}…` : text;
}
