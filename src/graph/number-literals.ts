import {
  type ASTVisitor,
  type DocumentNode,
  type FloatValueNode,
  GraphQLError,
  type GraphQLSchema,
  getNamedType,
  type IntValueNode,
  isScalarType,
  Kind,
  type ValidationContext,
  type ValueNode,
  validate,
  visit,
} from 'graphql';
import { isKept } from '../lib/exact-json.ts';

/** Matches 16 digits or a three-digit exponent. A double can represent every number in a text without a match. */
const LONG_NUMBER = /[\d.]{16}|[eE][+-]?\d{3}/;

/** Returns the errors for number literals that would be rounded. */
export function unkeptLiterals(schema: GraphQLSchema, document: DocumentNode, text: string): readonly GraphQLError[] {
  return LONG_NUMBER.test(text) ? validate(schema, document, [KeptNumbersRule]) : [];
}

/**
 * Reports each number literal that a double cannot represent and that GraphQL would round: as `Int` and `Float`, and inside a
 * `JSONObject`. Elsewhere such a number stays text, or is not a valid value of the type.
 */
function KeptNumbersRule(context: ValidationContext): ASTVisitor {
  const check = (node: IntValueNode | FloatValueNode): void => {
    if (isKept(node.value)) return;
    const message = `The number ${shorten(node.value)} cannot be represented exactly. Where a string is allowed, send it as a string.`;
    context.reportError(new GraphQLError(message, { nodes: node }));
  };
  const checkNumber = (node: IntValueNode | FloatValueNode): void => {
    const name = getNamedType(context.getInputType())?.name;
    if (name === 'Int' || name === 'Float') check(node);
  };
  return {
    IntValue: checkNumber,
    FloatValue: checkNumber,
    ObjectValue(node) {
      const type = getNamedType(context.getInputType());
      if (!isScalarType(type)) return undefined;
      if (type.name === 'JSONObject') visit(node, { IntValue: check, FloatValue: check });
      // Does not visit the members: they have no GraphQL types.
      return false;
    },
  };
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
