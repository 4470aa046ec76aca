import type { ModelOut } from '../../api/schema';
import { useSignOffs } from '../../data/approval';
import { pageLink } from '../../data/links';
import { useProject } from '../../data/projects';
import { useMay } from '../../data/session';
import { t } from '../../texts';

/** Who signed for the model in use; signing itself is done under Quality. */
export function Signatures({ model }: { readonly model: ModelOut }) {
  const { id } = useProject();
  const { data } = useSignOffs(model.id);
  const maySign = useMay('quality');
  const texts = t.deploy.signed;
  if (!data) return null;
  return (
    <div className="signatures">
      <h4>{texts.title}</h4>
      {data.length === 0 && <p>{texts.none}</p>}
      <ul>
        {data.map((one) => (
          <li key={one.id}>
            <strong>{one.meaning}</strong> {texts.one(one.signed_by, t.common.date(one.created_s))}
            {one.report_sha256 && ` (${texts.withReport})`}
          </li>
        ))}
      </ul>
      {maySign && <a href={pageLink(id, 'quality')}>{texts.go}</a>}
    </div>
  );
}
