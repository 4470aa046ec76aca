/** Everything that is labelled, as one zip. */

import { useMutation, useQueryClient } from '@tanstack/react-query';
import { API, api, unwrap } from '../api/client';
import type { JobOut } from '../api/schema';
import { useProject } from './projects';
import { keyOf } from './queries';

/** Freezes what is labelled now, then packs it; returns the job that packs. */
export function useExport() {
  const { id } = useProject();
  const client = useQueryClient();
  return useMutation({
    mutationFn: async (templateId: string | null): Promise<JobOut> => {
      const version = await unwrap(
        api.POST('/api/v1/projects/{project_id}/versions', {
          params: { path: { project_id: id } },
          body: { note: '', seed: 0 },
        }),
      );
      return unwrap(
        api.POST('/api/v1/projects/{project_id}/jobs', {
          params: { path: { project_id: id } },
          body: {
            kind: 'export',
            version_id: version.id,
            ...(templateId ? { template_id: templateId } : {}),
            settings: {},
          },
        }),
      );
    },
    onSuccess: () => client.invalidateQueries({ queryKey: keyOf(id) }),
  });
}

/** Files that a job has made, by name. */
export function filesOf(job: JobOut): string[] {
  const files = (job.result as { files?: Record<string, string> } | null)?.files ?? {};
  return Object.keys(files);
}

export const jobFileUrl = (projectId: string, jobId: string, name: string): string =>
  `${API}/projects/${projectId}/jobs/${jobId}/files/${encodeURIComponent(name)}`;
