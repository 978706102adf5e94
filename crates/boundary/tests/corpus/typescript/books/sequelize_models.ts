export const Author = sequelize.define('Author', { id: 1 }, { tableName: 'authors' });
