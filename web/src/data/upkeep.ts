/** Room on the disk, for how long pictures are kept, and the audit log. */

import { useInfiniteQuery, useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { API, api, unwrap } from '../api/client';
import type { Retention } from '../api/schema';

const RETENTION_KEY = ['retention'] as const;
const PAGE = 100;

export function useStorage() {
  return useQuery({
    queryKey: ['storage'],
    queryFn: () => unwrap(api.GET('/api/v1/admin/storage')),
  });
}

export function useRetention() {
  return useQuery({
    queryKey: RETENTION_KEY,
    queryFn: () => unwrap(api.GET('/api/v1/admin/retention')),
  });
}

export function useSetRetention() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (body: Retention) => unwrap(api.PUT('/api/v1/admin/retention', { body })),
    onSuccess: (kept) => client.setQueryData(RETENTION_KEY, kept),
  });
}

export type AuditFilter = {
  readonly actor?: string;
  readonly action?: string;
  readonly object_id?: string;
  readonly from_s?: number;
  /** Excluded. */
  readonly to_s?: number;
};

/** Entries, the latest first, page after page. */
export function useAudit(filter: AuditFilter) {
  return useInfiniteQuery({
    queryKey: ['audit', filter],
    queryFn: ({ pageParam }) =>
      unwrap(
        api.GET('/api/v1/audit', {
          params: {
            query: { limit: PAGE, ...filter, ...(pageParam ? { before: Number(pageParam) } : {}) },
          },
        }),
      ),
    initialPageParam: '',
    getNextPageParam: (last) => last.next,
  });
}

/** The same entries as lines of JSON; the browser saves them as a file. */
export function auditExportUrl(filter: AuditFilter): string {
  return withQuery(`${API}/audit/export`, filter);
}

/** Goes through the whole chain, so it is asked for and not done by itself. */
export function useVerifyChain() {
  return useMutation({ mutationFn: () => unwrap(api.GET('/api/v1/audit/verify')) });
}

/** An address with what is given. */
export function withQuery(
  address: string,
  given: Readonly<Record<string, string | number | boolean | undefined>>,
): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(given))
    if (value !== undefined && value !== '') query.set(name, String(value));
  return query.size > 0 ? `${address}?${query}` : address;
}
