"""What a quality manager signs: operating points, studies, comparisons, detection by size."""
