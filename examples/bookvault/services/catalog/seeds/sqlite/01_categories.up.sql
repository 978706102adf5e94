-- Written by seeds/generate.py from seeds/catalogue.txt; change those, not this file.

INSERT INTO categories (category_id, slug, name) VALUES
    (1, 'fiction', 'Novels'),
    (2, 'adventure', 'Adventure'),
    (3, 'mystery', 'Crime and Mystery'),
    (4, 'science-fiction', 'Science Fiction'),
    (5, 'horror', 'Gothic and Horror'),
    (6, 'fantasy', 'Fantasy'),
    (7, 'children', 'Children''s Books'),
    (8, 'short-stories', 'Short Stories'),
    (9, 'drama', 'Plays'),
    (10, 'poetry', 'Poetry'),
    (11, 'epic', 'Epics and Myths'),
    (12, 'philosophy', 'Philosophy'),
    (13, 'science', 'Science'),
    (14, 'history', 'History'),
    (15, 'politics', 'Politics and Economics'),
    (16, 'essays', 'Essays'),
    (17, 'biography', 'Lives and Letters'),
    (18, 'travel', 'Travel')
ON CONFLICT (category_id) DO UPDATE SET
    slug = EXCLUDED.slug,
    name = EXCLUDED.name
WHERE (categories.slug, categories.name)
    IS DISTINCT FROM (EXCLUDED.slug, EXCLUDED.name);
