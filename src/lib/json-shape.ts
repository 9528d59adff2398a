/** The wanted parts of a JSON value: `true` for all, or the members of an object, or of each object in an array. */
export type Wanted = true | WantedMembers;
export interface WantedMembers {
  readonly [name: string]: Wanted;
}

/** The members of an object, or of the objects in an array, in their usual order, each with the shape of its value. */
export type Shape = ReadonlyMap<string, Shape | undefined>;

/** Objects with more different members are dictionaries, whose names do not predict those of the next object. */
const MAX_MEMBERS = 128;
/** Maximum number of members in a shape and its nested shapes, because each gets generated code. */
const MAX_TOTAL_MEMBERS = 1_024;
const MAX_LEVELS = 8;

/** Returns the shape of the wanted members. @throws TypeError when one is named `__proto__` */
export function shapeOf(wanted: WantedMembers): Shape {
  if (Object.hasOwn(wanted, '__proto__')) throw new TypeError('A member named __proto__ cannot be read.');
  return new Map(Object.entries(wanted).map(([name, it]) => [name, it === true ? undefined : shapeOf(it)]));
}

/** Returns the shape of the objects in a value, merged with a known shape. Returns `known` for dictionaries. */
export function extendShape(value: unknown, known: Shape): Shape {
  return merge(objectsIn(value), known, { left: MAX_TOTAL_MEMBERS }, MAX_LEVELS) ?? known;
}

function merge(objects: object[], known: Shape | undefined, room: { left: number }, levels: number): Shape | undefined {
  const order: string[] = [];
  for (const names of [...objects.map(Object.keys), [...(known?.keys() ?? [])]]) {
    // Checked before the loop, whose time grows with the square of the number of names.
    if (names.length > MAX_MEMBERS) return known;
    let at = 0;
    for (const name of names) {
      const found = order.indexOf(name);
      if (found === -1) order.splice(at, 0, name);
      at = (found === -1 ? at : found) + 1;
    }
    if (order.length > Math.min(MAX_MEMBERS, room.left)) return known;
  }
  room.left -= order.length;
  return new Map(
    order.map((name) => {
      const inside = levels === 1 ? [] : objects.flatMap((it) => objectsIn(Reflect.get(it, name)));
      const before = known?.get(name);
      return [name, inside.length === 0 ? before : merge(inside, before, room, levels - 1)];
    }),
  );
}

/** Returns the object itself, or the objects in an array and its nested arrays. */
function objectsIn(value: unknown, levels = MAX_LEVELS): object[] {
  if (typeof value !== 'object' || value === null || levels === 0) return [];
  return Array.isArray(value) ? value.flatMap((it) => objectsIn(it, levels - 1)) : [value];
}
