import type { ImageOut } from '../../api/schema';
import { VerdictBadge } from '../../components/VerdictBadge';
import { thumbnailUrl } from '../../data/images';
import { useProject } from '../../data/projects';
import { t } from '../../texts';
import './images.css';

/** A picture with its name and what was said of it. */
export function Thumbnail({ image }: { readonly image: ImageOut }) {
  const { id } = useProject();
  return (
    <div className="thumbnail">
      <img
        src={thumbnailUrl(id, image.id)}
        alt=""
        loading="lazy"
        decoding="async"
        draggable={false}
      />
      <div className="thumbnail-words">
        <span className="thumbnail-name" title={image.name}>
          {image.name}
        </span>
        {image.decision === 'leave_out' && (
          <span className="thumbnail-note">{t.images.leftOut}</span>
        )}
        {image.label ? (
          <VerdictBadge verdict={image.label} />
        ) : (
          <span className="thumbnail-note" title={t.images.none}>
            <span aria-hidden="true">–</span>
            <span className="visually-hidden">{t.images.none}</span>
          </span>
        )}
      </div>
    </div>
  );
}
