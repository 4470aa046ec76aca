/** The template of the open project, its versions on the server, and a look at the alignment. */

import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { api, unwrap } from '../api/client';
import type { AlignmentOut, TemplateOut } from '../api/schema';
import { readTemplate, type Template, templateText } from '../core/template';
import { useProject } from './projects';
import { keyOf } from './queries';

/** The latest version; null = nobody drew one. */
export async function latestTemplate(projectId: string): Promise<TemplateOut | null> {
  const params = { path: { project_id: projectId } };
  const summary = await unwrap(api.GET('/api/v1/projects/{project_id}/summary', { params }));
  if (summary.template_version === null) return null;
  return unwrap(api.GET('/api/v1/projects/{project_id}/template', { params }));
}

export function useTemplate() {
  const { id } = useProject();
  return useQuery({ queryKey: keyOf(id, 'template'), queryFn: () => latestTemplate(id) });
}

export const templateOf = (row: TemplateOut): Template => readTemplate(JSON.stringify(row.content));

/** What goes over the wire: the content of `template.json`. */
export const contentOf = (template: Template): Record<string, unknown> =>
  JSON.parse(templateText(template));

export function useSaveTemplate() {
  const { id } = useProject();
  const client = useQueryClient();
  return useMutation({
    mutationFn: (what: { referenceId: string; template: Template }) =>
      unwrap(
        api.PUT('/api/v1/projects/{project_id}/template', {
          params: { path: { project_id: id } },
          body: { reference_id: what.referenceId, content: contentOf(what.template) },
        }),
      ),
    onSuccess: (row) => {
      client.setQueryData(keyOf(id, 'template'), row);
      void client.invalidateQueries({ queryKey: keyOf(id, 'summary') });
    },
  });
}

/** How an image lies over the reference, by a template that need not be saved; null asks nothing. */
export function useAlignment(
  what: { imageId: string; referenceId: string; template: Template } | null,
) {
  const { id } = useProject();
  const content = what && contentOf(what.template);
  // Only these decide; a region more makes no other alignment.
  const { alignment, reference, size_policy } = content ?? {};
  return useQuery({
    enabled: what !== null,
    queryKey: keyOf(id, 'alignment', what?.imageId, { alignment, reference, size_policy }),
    queryFn: ({ signal }): Promise<AlignmentOut> =>
      unwrap(
        api.POST('/api/v1/projects/{project_id}/alignment', {
          params: { path: { project_id: id } },
          body: {
            image_id: what?.imageId ?? '',
            reference_id: what?.referenceId ?? '',
            template: content ?? {},
          },
          signal,
        }),
      ),
    staleTime: Number.POSITIVE_INFINITY,
    gcTime: 60_000,
    retry: false,
  });
}
