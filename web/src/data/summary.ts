/** A project in numbers, and the picture that stands for it. */

import { useQuery } from '@tanstack/react-query';
import { api, unwrap } from '../api/client';
import { keyOf } from './queries';

const POLL_MS = 10_000;

/** Polled while the page is visible: what waits for review comes from the line, not from here. */
export function useSummary(projectId: string | null) {
  return useQuery({
    enabled: projectId !== null,
    queryKey: keyOf(projectId ?? '', 'summary'),
    queryFn: () =>
      unwrap(
        api.GET('/api/v1/projects/{project_id}/summary', {
          params: { path: { project_id: projectId ?? '' } },
        }),
      ),
    refetchInterval: POLL_MS,
  });
}

/** The image that the template is drawn on; asked for only where there is a template. */
export function useReferenceId(projectId: string, hasTemplate: boolean) {
  return useQuery({
    enabled: hasTemplate,
    queryKey: keyOf(projectId, 'reference'),
    staleTime: 60_000,
    queryFn: async () => {
      const found = await unwrap(
        api.GET('/api/v1/projects/{project_id}/template', {
          params: { path: { project_id: projectId } },
        }),
      );
      return found.reference_id;
    },
  });
}
