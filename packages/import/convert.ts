import type { RecordInput } from '../../src/datatrics/encode.ts';
import { RESOURCES } from '../../src/datatrics/endpoints.ts';
import { isObject } from '../../src/datatrics/records/fields.ts';
import { readJson } from '../../src/lib/exact-json.ts';
import type { Columns } from './columns.ts';
import type { ImportOptions } from './options.ts';
import type { RowProblem } from './problem.ts';
import { cellText, setValue, ValueError, type ValueOptions } from './values.ts';

export type ConvertOptions = ValueOptions &
  Pick<ImportOptions, 'resource' | 'source' | 'type' | 'empty'> & { readonly columns: Columns };

/** The input of a mutation, valid if there are no problems. */
export type Converted = { readonly input: RecordInput; readonly problems: readonly RowProblem[] };

/** Converts rows to mutation inputs. */
export function createConverter(options: ConvertOptions) {
  const { resource, columns, source, type, empty, note } = options;
  const keyNames = [`${resource}Id`, 'source'];

  function convert(entries: readonly (readonly [column: string, value: unknown])[], isCsv: boolean): Converted {
    const input: Record<string, unknown> = {};
    const problems: RowProblem[] = [];
    for (const [column, given] of entries) {
      const slot = columns.slotOf(column);
      if (slot?.kind === 'nothing') continue;
      try {
        if (slot === null) throw new ValueError('no field has this name (--strict)');
        let value = isCsv && given !== '' ? cellText(given as string, note) : given;
        if (isCsv && value === '') {
          // The key is never cleared.
          if (empty === 'skip' || slot.kind === 'type' || keyNames.includes(slot.name)) continue;
          value = null;
        }
        setValue(input, slot, value, options);
      } catch (error) {
        if (!(error instanceof ValueError)) throw error;
        problems.push({ code: 'INVALID', message: `${column}: ${error.message}.` });
        // An invalid key is not also missing.
        if (slot) input[slot.name] ??= '';
      }
    }
    if (source !== undefined) input.source ||= source;
    if (resource === 'content') input.type ??= type === 'item' ? 'ITEM' : 'CATEGORY';
    for (const name of keyNames) {
      if ((input[name] ?? null) === null) problems.push({ code: 'REQUIRED', message: `${name} is missing.` });
    }
    return { input, problems };
  }

  return {
    ofCells(header: readonly string[], cells: readonly string[]): Converted {
      const entries = header.map((column, at) => [column, cells[at]] as const);
      return convert(entries, true);
    },

    /** Converts a line of NDJSON. Its fields may be wrapped as in the REST API. */
    ofJson(text: string): Converted {
      let record: unknown;
      let message = 'The row is not a JSON object.';
      try {
        record = readJson(text);
      } catch (error) {
        message = `The row is not JSON: ${(error as Error).message}.`;
      }
      if (!isObject(record)) return { input: {}, problems: [{ code: 'MALFORMED', message }] };
      const { wrapper } = RESOURCES[resource].body;
      const inner = record[wrapper];
      const entries = Object.entries(record);
      if (!isObject(inner)) return convert(entries, false);
      return convert([...entries.filter(([name]) => name !== wrapper), ...Object.entries(inner)], false);
    },
  };
}
