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

/** A text without one has no number that a double does not hold: neither many digits nor an exponent of three. */
const LONG = /[\d.]{16}|[eE][+-]?\d{3}/;

/**
 * Numbers in a document that a double does not hold, as errors, where they would be rounded: as `Int` and `Float`, and within
 * a `JSONObject`. Everywhere else they are kept as text, or are no value of the type at all.
 */
export function unkeptLiterals(schema: GraphQLSchema, document: DocumentNode, text: string): GraphQLError[] {
  if (!LONG.test(text)) return [];
  const errors: GraphQLError[] = [];
  const check = (node: NumberNode): void => {
    if (isKept(node.value)) return;
    const message = `The number ${shorten(node.value)} can not be kept as it is; where a text is allowed, send it as text.`;
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
        // The members have no types of their own.
        return false;
      },
    }),
  );
  return errors;
}

/** A literal of a scalar of any content, in which integers that a double does not hold are their text. */
export function withTextNumbers(literal: ValueNode): ValueNode {
  return visit(literal, {
    IntValue: ({ value }) => (isKept(value) ? undefined : { kind: Kind.STRING, value }),
  });
}

function shorten(text: string): string {
  return text.length > 40 ? `${text.slice(0, 40)}…` : text;
}
