import { GraphQLError, type GraphQLFormattedError } from 'graphql';
import { GatewayError } from '../lib/error.ts';
import type { ErrorCode } from '../lib/error-codes.ts';
import { locationsOf } from './locations.ts';

/** Handler for unexpected errors, which logs them. Called once per error. */
export type ReportUnexpected = (error: unknown) => void;

export const MASKED = 'Something went wrong in the gateway.';

/**
 * Formats a field error for the client. All field errors pass through this function. A `GatewayError` keeps its code and
 * message; an invalid argument value becomes `BAD_USER_INPUT`; any other error is masked and reported.
 *
 * The result has only the first location, because a document can select a field hundreds of times.
 */
export function formatError(error: GraphQLError, report: ReportUnexpected): GraphQLFormattedError {
  const { code, message } = explain(error, report);
  const place = locationsOf(error)?.[0];
  const formatted = {
    message: shorten(message),
    ...(place && { locations: [place] }),
    ...(error.path && { path: error.path }),
    extensions: { code },
  };
  thrown.set(formatted, error);
  return formatted;
}

/** Original errors by their formatted form. Only plugins that the operator configured see them. */
const thrown = new WeakMap<GraphQLFormattedError, GraphQLError>();

/** Converts a formatted error to the `GraphQLError` that Envelop's plugins expect, with the thrown `originalError`. */
export function toGraphQLError(formatted: GraphQLFormattedError): GraphQLError {
  const { message, path = null } = formatted;
  const { nodes = null, originalError = null } = thrown.get(formatted) ?? {};
  // Copies the extensions, because plugins add to them.
  return new GraphQLError(message, { path, extensions: { ...formatted.extensions }, nodes, originalError });
}

function explain(error: GraphQLError, report: ReportUnexpected): { code: ErrorCode; message: string } {
  // graphql-js does not wrap an invalid `@skip` or `@include` of a root field, and gives it no path.
  const cause = error.originalError ?? (error.path === undefined ? error : undefined);
  if (cause instanceof GatewayError && cause.code !== 'INTERNAL_SERVER_ERROR') return cause;
  // The executor checks argument values from variables. Those errors have nodes of the document; serialization errors do not.
  if (cause instanceof GraphQLError && cause.nodes?.length) return { code: 'BAD_USER_INPUT', message: error.message };
  report(cause ?? error);
  return { code: 'INTERNAL_SERVER_ERROR', message: MASKED };
}

/** Maximum length of a message, in characters. graphql-js quotes client input of any length, in many errors. */
const MAX_MESSAGE = 1_000;

export function shorten(message: string): string {
  return message.length > MAX_MESSAGE ? `${message.slice(0, MAX_MESSAGE)}…` : message;
}
