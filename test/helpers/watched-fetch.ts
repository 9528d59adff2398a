/**
 * A `fetch` for a client, which keeps what was sent and how it was answered.
 * @param onAnswer called with the status of each answer, before the client has it
 */
export function watchedFetch(onAnswer: (status: number) => void = () => {}) {
  /** `hasQuery`: whether it holds the text of its operation; `encoding`: of the answer. */
  const sent: { method: string; hasQuery: boolean; status: number; encoding: string | null }[] = [];
  const watched = async (input: string | URL | Request, init: RequestInit = {}): Promise<Response> => {
    const response = await fetch(input, init);
    const method = init.method ?? 'GET';
    const hasQuery =
      method === 'GET' ? new URL(String(input)).searchParams.has('query') : 'query' in JSON.parse(String(init.body));
    sent.push({ method, hasQuery, status: response.status, encoding: response.headers.get('content-encoding') });
    onAnswer(response.status);
    return response;
  };
  return { sent, watched };
}
